"""A house in which people dial, and a worker for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.kit import House, build
from tests.ussd.kit import Worker, move_in


@pytest.fixture
def house() -> Iterator[House]:
    house = move_in(build())
    yield house
    house.store.close()


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Worker:
    return Worker(house, tmp_path)
