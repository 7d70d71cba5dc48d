"""Time, partners and orders for tests. Stores and brokers are the real embedded ones."""

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import StoreUnavailable
from core.installed import DEFAULT
from core.operation import Operation
from core.sealing import KEY_BYTES, Keys, Sealing
from core.store.port import Document, Store, scan
from core.store.sealed import SealedStore
from core.store.sql import SqlStore
from tests.privacy import HASHES, PHONE, raw_text
from worker.engine import LEASE_SPARE_S, Engine
from worker.partners.operators.port import Demand, Operator, Operators, Service
from worker.partners.port import Confirmed, Reply
from worker.policy import SEND_WITHIN_S, Policy
from worker.process import Enquirable, Process, Stages, Step

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL_S = 15
LEASE_S = SEND_WITHIN_S + CALL_S + LEASE_SPARE_S
KEYS = Keys((b"d" * KEY_BYTES,), b"i" * KEY_BYTES)
"""Those of stores that are sealed."""


class FakeClock:
    """Time passes only when a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def tick(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class ScriptedPartner:
    """Gives scripted replies, in order, and remembers its calls."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str]] = []

    def submit(self, name: str) -> Callable[[Operation], Reply]:
        return lambda operation: self._say("submit", operation.reference(name))

    def ask(self, name: str) -> Callable[[Operation], Reply]:
        return lambda operation: self._say("enquire", operation.reference(name))

    def hear(self, name: str) -> Callable[[Operation], Reply]:
        return lambda operation: self._say("hear", operation.reference(name))

    def _say(self, verb: str, reference: str) -> Reply:
        self.asked.append((verb, reference.partition(":")[2]))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


class PlayedDialect:
    """An operator that remembers what it is asked, and confirms by default.

    replies: by verb, instead of confirming.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Demand]] = []
        self.replies: dict[str, Reply] = {}
        self.debits = Service(self._verb("debit"), self._verb("ask"))
        self.refunds: Service | None = Service(self._verb("refund"), self._verb("ask"))
        self.payouts: Service | None = Service(self._verb("pay out"), self._verb("ask"))

    def operators(self, **changes: Any) -> Operators:
        """The only operator, which speaks this dialect."""
        operator = Operator(**{"name": "operator", "dialect": self, "breaker": None, "clock": FakeClock(), **changes})
        return Operators({"operator": operator}, "operator")

    def _verb(self, verb: str) -> Callable[[Demand], Reply]:
        def call(demand: Demand) -> Reply:
            self.asked.append((verb, demand))
            return self.replies.get(verb, Confirmed())

        return call


def step(name: str, partner: ScriptedPartner, **changes: Any) -> Step:
    """A step that calls the partner, and enquires by default."""
    return Step(name, name, **{"submit": partner.submit(name), "recovery": Enquirable(partner.ask(name)), **changes})


def process(*stages: tuple[Step, ...], kind: str = "test") -> Process:
    fixed: Stages = stages
    return Process(kind, lambda _: fixed)


def new_operation(**changes: Any) -> Operation:
    values: dict[str, Any] = {"id": "op-1", "kind": "test", "request": {}, "created_at": START, "updated_at": START}
    return Operation(**{**values, "due_at": START, "fingerprint": "f", **changes})


def engine(store: Store, clock: FakeClock, process: Process, **changes: Any) -> Engine:
    values: dict[str, Any] = {
        "store": store,
        "clock": clock,
        "processes": {process.kind: process},
        "policy": Policy(settle_window_s=30),
        "worker": "worker-1",
        "call_s": CALL_S,
        "jitter": lambda: 1.0,
    }
    return Engine(**{**values, **changes})


def insert(store: Store, **changes: Any) -> None:
    store.insert("operations", new_operation(**changes).to_document())


def load(store: Store) -> Operation:
    document = store.get("operations", "op-1")
    assert document is not None
    return Operation.from_document(document)


class CutOff:
    """A store that is gone after so many verbs. `insert_all` is a verb for each document."""

    def __init__(self, store: Store, verbs: int) -> None:
        self._store = store
        self._left = verbs

    def __getattr__(self, verb: str) -> Any:
        def cut(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise StoreUnavailable
            return getattr(self._store, verb)(*arguments, **named)

        return cut

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, document in documents:
            self.insert(collection, document)


def open_sql(url: str = "sqlite://") -> SqlStore:
    """A store with the collections of all our products, closed at the latest when nothing refers to it any more."""
    store = SqlStore(url, collections=DEFAULT.collections)
    weakref.finalize(store, store._database.close)
    return store


IS_SEALED = bool(os.environ.get("SEALED_TESTS"))
"""Whether the tests run on a store that is sealed. It then must hold nothing private that is readable."""
_spare: list[SqlStore] = []


def sealed(store: Any, keys: Keys = KEYS) -> Any:
    """The same store, whose documents are sealed."""
    return SealedStore(store, Sealing(keys), DEFAULT.collections)


@contextmanager
def lent_sql() -> Iterator[SqlStore]:
    """An empty store in memory with the collections of all our products.

    It is emptied and lent again, as making one takes longer than most tests; unless it was closed, or changed itself.
    """
    store = _spare.pop() if _spare else open_sql()
    made = dict(vars(store))
    yield sealed(store) if IS_SEALED else store
    if IS_SEALED:
        text = raw_text(store, DEFAULT.collections)
        assert not (found := PHONE.search(text) or HASHES.search(text)), found
    if vars(store) != made:
        return
    with suppress(StoreUnavailable):  # the test has closed it
        _empty(store)
        _spare.append(store)


def _empty(store: Store) -> None:
    for name in DEFAULT.collections:
        for document in list(scan(store, name, {})):
            store.delete(name, document["id"], document["version"])
