"""The two adapters to run the contract suite over."""

from collections.abc import Iterator

import pytest
from broker.kits import EmbeddedKit, RabbitKit

from ops.rabbit import Rabbit


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
