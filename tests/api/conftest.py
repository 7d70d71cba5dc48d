"""A fresh house for each test."""

from collections.abc import Iterator

import pytest

from tests.api.kit import House, build, move_in
from tests.doubles import lent_sql


@pytest.fixture
def house() -> Iterator[House]:
    with lent_sql() as store:
        yield move_in(build(store))
