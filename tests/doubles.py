"""Time, partners and orders for tests. Stores and brokers are the real embedded ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from core.operation import Operation
from worker.partners.port import Reply
from worker.process import Process, Stages, Step

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


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
