"""Builds the ports from the settings. The only file that knows which adapter is used."""

from dataclasses import dataclass

from core.broker.embedded import EmbeddedBroker
from core.broker.port import Broker
from core.broker.rabbitmq import RabbitBroker
from core.clock import Clock, SystemClock
from core.settings import Settings
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
    """Raises StoreUnavailable when the store cannot be prepared; a broker that is down is no error."""
    clock = SystemClock()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    store: Store
    if settings.store_url.startswith(("mongodb:", "mongodb+srv:")):
        store = MongoStore(settings.store_url)
    else:
        store = SqlStore(settings.store_url)
    broker: Broker = RabbitBroker(settings.broker_url) if settings.broker_url else EmbeddedBroker(store, clock)
    return Core(settings, clock, store, broker)
