"""A fresh house for each test, and a worker for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.kit import House, build, move_in
from tests.doubles import lent_sql
from tests.ussd.kit import Worker


@pytest.fixture
def house() -> Iterator[House]:
    with lent_sql() as store:
        yield move_in(build(store))


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Worker:
    return Worker(house, tmp_path)
