from collections.abc import Iterator

import pytest
from doubles import FakeClock

from core.store.port import Store
from core.store.sql import SqlStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Iterator[Store]:
    store = SqlStore("sqlite://")
    yield store
    store.close()
