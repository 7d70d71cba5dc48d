"""The two adapters to run the contract suite over."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.rabbit import Rabbit, installed_binaries
from tests.broker.kits import EmbeddedKit, RabbitKit


@pytest.fixture(scope="session")
def binaries() -> Path:
    """For tests that need private nodes of their own: a cluster, or TLS."""
    found = installed_binaries()
    if found is None:
        needed = os.environ.get("CI") and not os.environ.get("BROKER_TEST_URL")
        (pytest.fail if needed else pytest.skip)("no rabbitmq-server is installed")
    return found


@pytest.fixture
def rabbit_kit(rabbit: Rabbit) -> Iterator[RabbitKit]:
    kit = RabbitKit(rabbit.url)
    yield kit
    kit.close()


@pytest.fixture
def embedded_kit() -> Iterator[EmbeddedKit]:
    kit = EmbeddedKit()
    yield kit
    kit.close()
