"""A fresh house for each test."""

from collections.abc import Iterator

import pytest

from tests.api.kit import House, build


@pytest.fixture
def house() -> Iterator[House]:
    house = build()
    yield house
    house.store.close()
