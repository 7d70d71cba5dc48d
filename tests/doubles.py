"""Time, partners and orders for tests. Stores and brokers are the real embedded ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import StoreUnavailable
from core.operation import Operation
from core.store.port import Store
from worker.decide import Policy
from worker.engine import SEND_WITHIN_S, Engine
from worker.partners.port import Reply
from worker.process import Process, Stages, Step

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL_S = 15
LEASE_S = SEND_WITHIN_S + CALL_S


class FakeClock:
    """Time goes on only when told to."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def tick(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class ScriptedPartner:
    """Says what it was told to say, in order, and remembers what it was asked."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str]] = []

    def submit(self, name: str) -> Callable[[Operation], Reply]:
        return lambda operation: self._say("submit", operation.reference(name))

    def enquire(self, reference: str) -> Reply:
        return self._say("enquire", reference)

    def _say(self, verb: str, reference: str) -> Reply:
        self.asked.append((verb, reference.partition(":")[2]))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def step(name: str, partner: ScriptedPartner, **changes: Any) -> Step:
    """A step that asks the partner, and enquires unless told otherwise."""
    return Step(name, name, **{"submit": partner.submit(name), "enquire": partner.enquire, **changes})


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
    """A store that is gone after so many verbs."""

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
