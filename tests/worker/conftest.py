from collections.abc import Iterator

import pytest

from core.store.port import Store
from tests.doubles import FakeClock, lent_sql


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store
