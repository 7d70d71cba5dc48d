"""Servers that several folders of tests need, one of each for the whole session."""

import os
from collections.abc import Iterator

import pytest

from ops.rabbit import Rabbit, RabbitMissing, open_rabbit


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    try:
        server = open_rabbit()
    except RabbitMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no RabbitMQ: {missing}")
    with server:
        yield server


@pytest.fixture
def private_rabbit(rabbit: Rabbit) -> Rabbit:
    """A server that a test may stop."""
    if not rabbit.controllable:
        pytest.skip("BROKER_TEST_URL names a server that tests must not stop")
    return rabbit
