"""Whole stacks of real processes: the embedded one, and one on RabbitMQ and a MongoDB-protocol server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.kit import FAST, Payments
from store.servers import nx_27017

from ops.stack import Stack


def _stack(folder: Path, environment: dict[str, str]) -> Iterator[Payments]:
    with Stack(folder, {**FAST, **environment}) as stack:
        stack.start()
        yield Payments(stack)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    yield from _stack(tmp_path_factory.mktemp("embedded"), {})


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Payments]:
    broker_url = request.getfixturevalue("rabbit").url
    with nx_27017(tmp_path_factory.mktemp("nx_27017")) as (store_url, _):
        yield from _stack(tmp_path_factory.mktemp("production"), {"BROKER_URL": broker_url, "STORE_URL": store_url})


SETUPS = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("embedded")),
    pytest.param("production", marks=pytest.mark.xdist_group("rabbitmq")),
]


@pytest.fixture(params=SETUPS)
def payments(request: pytest.FixtureRequest) -> Payments:
    """A running stack, of both kinds in turn, that several tests share."""
    found: Payments = request.getfixturevalue(request.param)
    return found
