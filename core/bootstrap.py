"""Builds the ports and services from the settings. The only file that knows which adapter is used.

The drivers of MongoDB and RabbitMQ are imported where they are used: each process of the embedded set-up starts a
fifth sooner without them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy.exc import ArgumentError

from core.accept import Accepted, Command, accept, close, find_replay, is_accepted
from core.broker.embedded import EmbeddedBroker
from core.broker.port import Broker, EventsTo
from core.callbacks import Callbacks
from core.clock import Clock, SystemClock
from core.errors import StoreUnavailable
from core.identity.api_keys import ApiKeys
from core.identity.credentials import Credentials
from core.identity.passwords import Passwords
from core.identity.people import People
from core.ids import new_id
from core.installed import DEFAULT, Installed
from core.ledger import SYSTEM, Ledger
from core.notices.port import Announcements, Notifier, Site, first_notifier
from core.operation import Operation
from core.partner_health import PartnerHealth
from core.private_files import make_private_folder
from core.rates import Counters, MemoryCounters
from core.sealing import Keys, Sealing
from core.secrets import signing_secrets
from core.security_log import SecurityLog
from core.settings import BadSettings, Settings
from core.store.at_rest import Checked, Misfit, require_fit
from core.store.migration import Migration
from core.store.port import CONNECTIONS, ELECTION_S, Document, Store
from core.store.sealed import SealedStore, upcast_stored
from core.store.sql import SqlStore
from core.store.sql_migration import SqlMigration
from core.store.sqlite import compact as compact_sqlite
from core.tracing import NO_TRACING, Tracing

Service = TypeVar("Service")


@dataclass(frozen=True)
class Core:
    """What a process works with. Build it after a fork, never before: it owns threads and connections.

    password_hasher: None for Argon2id with OWASP's parameters; tests pass a cheap one.
    tracing: of the API and of workers.
    """

    settings: Settings
    clock: Clock
    store: Store
    broker: Broker
    password_hasher: Passwords | None = None
    tracing: Tracing = NO_TRACING

    @cached_property
    def passwords(self) -> Passwords:
        return self.password_hasher or Passwords()

    @cached_property
    def people(self) -> People:
        return People(self.store, self.clock, self.password_hasher)

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.store, self.clock, self.passwords)

    @cached_property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(self.store, self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        contracts = self.settings.installed.contracts.values()
        return Ledger(self.store, self.clock, SYSTEM.union(*(contract.accounts for contract in contracts)))

    @cached_property
    def security_log(self) -> SecurityLog:
        return SecurityLog(self.store, self.clock)

    @cached_property
    def partner_health(self) -> PartnerHealth:
        return PartnerHealth(self.store, self.clock)

    @cached_property
    def callbacks(self) -> Callbacks:
        """Raises BadSettings where an operator calls back, and there is no secret to know its callbacks by."""
        settings = self.settings
        called_back = any(operator.callback_host for operator in settings.operators.operators)
        secrets = signing_secrets(settings) if called_back or settings.secret_key or settings.embedded else []
        return Callbacks(self.store, self.broker, self.clock, secrets)

    @cached_property
    def counters(self) -> Counters:
        """The counts for the rate limits. On MongoDB all processes share them; elsewhere each process has its own."""
        if self.settings.rate_limits and self.settings.store_url.startswith("mongodb"):
            from core.store.mongo_counters import MongoCounters  # noqa: PLC0415

            return MongoCounters(self.settings.store_url)
        return MemoryCounters(self.clock)

    @cached_property
    def notifier(self) -> Notifier:
        return first_notifier(self.settings.installed.notifiers, self.store, self.broker, self.clock)

    @cached_property
    def announcements(self) -> Announcements:
        settings, services = self.settings, (self.store, self.broker, self.clock, new_id)
        site = Site(settings.installed.contracts, settings.public_url, settings.let_in, self.tell_operators)
        return Announcements(self.notifier, [make(*services, site) for make in settings.installed.announcers])

    def tell_operators(self, subject: str, text: str, key: str) -> None:
        """Sends a notice to NOTICES_TO, once for each key; to nobody where it is not set. Raises StoreUnavailable."""
        self.notifier.tell_operators(self.settings.notices_to, subject, text, key)

    def of(self, service: type[Service]) -> Service:
        """A service of a product, such as a catalogue: built from the store and the clock, once."""
        built = self._services.get(service)
        if built is None:
            built = self._services[service] = service(self.store, self.clock)  # type: ignore[call-arg]
        return built

    @cached_property
    def _services(self) -> dict[type, Any]:
        return {}

    def accept(self, command: Command) -> Accepted:
        """See `core.accept.accept`."""
        return accept(self.store, self.broker, self.clock, command)

    def find_replay(self, command: Command) -> Accepted | None:
        """See `core.accept.find_replay`."""
        return find_replay(self.store, self.clock, command)

    def is_accepted(self, command: Command) -> bool:
        """See `core.accept.is_accepted`."""
        return is_accepted(self.store, self.clock, command)

    def close_operation(self, operation: Operation, request: Mapping[str, Any]) -> Operation:
        """See `core.accept.close`."""
        return close(self.store, self.broker, self.clock, operation, request)

    def route(self, phone: str, currency: str, asked: str | None = None) -> str:
        """The mobile-money operator that moves this phone's money: see `core.operators`. Raises InvalidField."""
        return self.settings.operators.route(phone, currency, asked)

    def serving(self, phone: str, asked: str | None = None) -> str:
        """The mobile-money operator of this phone, whatever the currency. Raises InvalidField."""
        return self.settings.operators.serving(phone, asked).name

    def wallet_of(self, person: str) -> Document:
        """The wallet of the person of this id, in WALLET_CURRENCY; made if it is not there."""
        return self.ledger.open(person, self.settings.wallet_currency)

    def close(self) -> None:
        self.broker.close()
        self.store.close()
        self.tracing.close()
        if "counters" in vars(self):
            self.counters.close()


PATIENCE_S = 15.0
"""For `bootstrap`: longer than MongoDB takes to elect a primary."""
SPARE_CONNECTIONS = 8
"""Connections to the store besides those of the handlers: for the sweeper, the health checks and the like."""


def bootstrap(settings: Settings, election_s: float = ELECTION_S) -> Core:
    """Raises BadSettings for what cannot be used, StoreUnavailable for a file that is no store.

    A server that is down is no error: what needs it says so, and goes on when it is back.

    election_s: how long the store may wait for MongoDB to elect a primary.
    """
    store, clock = open_store(settings, election_s, marks=True), SystemClock()
    with _usable_broker():
        broker: Broker | None = open_broker(settings.broker_url, settings.events_to) if settings.broker_url else None
        broker = broker or embedded_broker(store, clock, settings.var_dir, sealing_of(settings))
        return Core(settings, clock, store, broker, tracing=open_tracing(settings))


def open_tracing(settings: Settings) -> Tracing:
    """Spans where TRACES_URL is set. Raises BadSettings without the packages that it needs. Call it after a fork."""
    if not settings.traces_url:
        return NO_TRACING
    try:
        from core.otel import sending_to  # noqa: PLC0415
    except ImportError as error:
        raise BadSettings(f"TRACES_URL needs `pip install -r requirements-traces.txt`: {error}") from None
    return sending_to(settings.traces_url)


def open_core(settings: Settings) -> Core:
    """For commands beside a running installation. It does not connect to the broker: sweepers ring for what changes.

    Raises as `bootstrap` does.
    """
    store, clock = open_store(settings, marks=True), SystemClock()
    return Core(settings, clock, store, embedded_broker(store, clock, settings.var_dir, sealing_of(settings)))


def open_store(settings: Settings, election_s: float = ELECTION_S, *, marks: bool = False) -> Store:
    """The store alone, sealed where there are keys. Raises as `bootstrap` does.

    marks: whether an empty store is marked as sealed or plain, as by all that write.
    """
    store, collections = open_raw_store(settings, election_s), settings.installed.collections
    sealing = sealing_of(settings)
    check = partial(require_fit, store, sealing, collections, marks)
    answers = True
    try:
        check()
    except Misfit as error:
        store.close()
        raise BadSettings(error.message) from None
    except StoreUnavailable:
        answers = False
    fitting = cast("Store", Checked(store, check, answers))
    return SealedStore(fitting, sealing, collections) if sealing else fitting


def open_raw_store(settings: Settings, election_s: float = ELECTION_S) -> Store:
    """The store as the database has it: what is sealed is not opened. Raises as `bootstrap` does."""
    connections = settings.worker_concurrency + SPARE_CONNECTIONS
    with _usable(settings):
        return open_store_at(settings.store_url, settings.installed, connections, election_s)


def compact(settings: Settings) -> None:
    """Has a SQLite file forget what was deleted in it; other databases have commands of their own. Raises as
    `bootstrap` does."""
    if settings.embedded:
        with _usable(settings):
            compact_sqlite(settings.store_url)


def open_migration(settings: Settings) -> Migration:
    """For the command that migrates the store. Raises as `bootstrap` does."""
    url, collections = settings.store_url, settings.installed.collections
    sealing = sealing_of(settings)
    with _usable(settings):
        if url.startswith("mongodb"):
            from core.store.mongo import MongoStore  # noqa: PLC0415
            from core.store.mongo_migration import MongoMigration  # noqa: PLC0415

            return MongoMigration(MongoStore(url, collections=collections), partial(upcast_stored, sealing))
        return SqlMigration(url, collections)


@contextmanager
def _usable(settings: Settings) -> Iterator[None]:
    """Raises BadSettings for a store that can never be opened."""
    try:
        make_private_folder(settings.var_dir)
        yield
    except (OSError, ValueError, ArgumentError) as error:
        raise BadSettings(f"VAR_DIR or STORE_URL cannot be used: {error}") from None


@contextmanager
def _usable_broker() -> Iterator[None]:
    """Raises BadSettings for a broker that can never be reached."""
    try:
        yield
    except ValueError as error:
        raise BadSettings(f"BROKER_URL cannot be used: {error}") from None


def open_store_at(
    url: str,
    installed: Installed = DEFAULT,
    connections: int = CONNECTIONS,
    election_s: float = ELECTION_S,
    keys: Keys | None = None,
) -> Store:
    """The store at this URL, with the collections of the installed products. It is not checked whether the keys fit.

    connections: to a server, at most. keys: what it is sealed with.
    """
    store: Store
    if url.startswith("mongodb"):
        from core.store.mongo import MongoStore  # noqa: PLC0415

        store = MongoStore(url, None, installed.collections, connections, election_s)
    else:
        store = SqlStore(url, collections=installed.collections, connections=connections)
    return SealedStore(store, Sealing(keys), installed.collections) if keys else store


def open_broker(url: str, events_to: EventsTo = "queue") -> Broker:
    """Connections to the RabbitMQ at this URL, made in the background. Raises ValueError for an invalid URL."""
    from core.broker.rabbitmq import RabbitBroker  # noqa: PLC0415

    return RabbitBroker(url, events_to=events_to)


def event_queue(topic: tuple[str, ...]) -> str:
    """The queue that RabbitMQ keeps the events of this topic in, for those that consume it."""
    from core.broker.rabbitmq.topology import EventTopology  # noqa: PLC0415

    return str(EventTopology().queue(topic))


def ring_queue(kind: str) -> str:
    """The queue that RabbitMQ keeps the rings of this kind in."""
    from core.broker.rabbitmq.topology import NAME, Topology  # noqa: PLC0415

    return Topology(NAME).queue(kind)


def embedded_broker(store: Store, clock: Clock, folder: Path = Path("var"), sealing: Sealing | None = None) -> Broker:
    """The broker that polls the store. folder: where published messages are logged; sealing: see `TopicLog`."""
    return EmbeddedBroker(store, clock, folder=folder, sealing=sealing)


def sealing_of(settings: Settings) -> Sealing | None:
    """What the store is sealed with; None where it is plain."""
    return Sealing(settings.keys) if settings.keys else None


def check_queues(url: str, kinds: Iterable[str]) -> list[str]:
    """See `core.broker.rabbitmq.check.check`. Raises also BadSettings."""
    from core.broker.rabbitmq.check import check  # noqa: PLC0415

    with _usable_broker():
        return check(url, kinds)


def count_dead_letters(url: str) -> dict[str, int]:
    """See `core.broker.rabbitmq.dead.count`. Raises also BadSettings."""
    from core.broker.rabbitmq.dead import count  # noqa: PLC0415

    with _usable_broker():
        return count(url)


def requeue_dead_letters(url: str) -> list[str]:
    """See `core.broker.rabbitmq.dead.requeue`. Raises also BadSettings."""
    from core.broker.rabbitmq.dead import requeue  # noqa: PLC0415

    with _usable_broker():
        return requeue(url)
