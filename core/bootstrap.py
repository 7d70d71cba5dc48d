"""Builds the ports from the settings. The only file that knows which adapter is used."""

from dataclasses import dataclass

from pymongo.errors import PyMongoError
from sqlalchemy.exc import ArgumentError

from core.broker.embedded import EmbeddedBroker
from core.broker.port import Broker
from core.broker.rabbitmq import RabbitBroker
from core.clock import Clock, SystemClock
from core.settings import BadSettings, Settings
from core.store.mongo import MongoStore
from core.store.port import Store
from core.store.sql import SqlStore


@dataclass(frozen=True)
class Core:
    """What a process works with. Build it after a fork, never before: it owns threads and connections."""

    settings: Settings
    clock: Clock
    store: Store
    broker: Broker

    def close(self) -> None:
        self.broker.close()
        self.store.close()


def bootstrap(settings: Settings) -> Core:
    """Raises BadSettings for what cannot be used, StoreUnavailable for a file that is no store.

    A server that is down is no error: what needs it says so, and goes on when it is back.
    """
    clock = SystemClock()
    store = open_store(settings)
    try:
        broker: Broker = (
            RabbitBroker(settings.broker_url)
            if settings.broker_url
            else EmbeddedBroker(store, clock, folder=settings.var_dir)
        )
    except ValueError as error:
        raise BadSettings(f"BROKER_URL cannot be used: {error}") from None
    return Core(settings, clock, store, broker)


def open_store(settings: Settings) -> Store:
    """The store alone, for commands that only look. Raises as `bootstrap` does."""
    url = settings.store_url
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        return MongoStore(url) if url.startswith("mongodb") else SqlStore(url)
    except (OSError, ValueError, PyMongoError, ArgumentError) as error:
        raise BadSettings(f"VAR_DIR or STORE_URL cannot be used: {error}") from None
