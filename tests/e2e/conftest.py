"""Whole stacks of real processes: the embedded one, and two with RabbitMQ and a server for the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.databases import own_database
from devtools.rabbit import Rabbit, own_vhost
from devtools.stack import Stack
from devtools.stores import StoreServer
from tests.e2e.kit import FAST, SETUPS, Payments


def _stack(folder: Path, environment: dict[str, str]) -> Iterator[Payments]:
    with Stack(folder, {**FAST, **environment}) as stack:
        stack.migrate()
        stack.start()
        yield Payments(stack)


def _on_servers(folder: Path, store: StoreServer, broker_url: str) -> Iterator[Payments]:
    with own_database(store.url) as store_url:
        yield from _stack(folder, {"STORE_URL": store_url, "BROKER_URL": broker_url})


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    yield from _stack(tmp_path_factory.mktemp("embedded"), {})


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory, mongodb: StoreServer, rabbit: Rabbit) -> Iterator[Payments]:
    """The set-up that the compose file has: MongoDB and RabbitMQ."""
    yield from _on_servers(tmp_path_factory.mktemp("production"), mongodb, rabbit.url)


@pytest.fixture(scope="session")
def production_sql(
    tmp_path_factory: pytest.TempPathFactory, postgresql: StoreServer, private_rabbit: Rabbit
) -> Iterator[Payments]:
    """PostgreSQL and RabbitMQ, beside the other stack."""
    with own_vhost(private_rabbit) as broker_url:
        yield from _on_servers(tmp_path_factory.mktemp("production_sql"), postgresql, broker_url)


@pytest.fixture(params=SETUPS)
def payments(request: pytest.FixtureRequest) -> Payments:
    """A running stack, of both kinds in turn, that several tests share."""
    found: Payments = request.getfixturevalue(request.param)
    return found
