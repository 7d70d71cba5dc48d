"""The operation: one document for each accepted request, its states, and the transitions between them."""

import hashlib
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.clock import from_rfc3339, to_rfc3339
from core.errors import ForbiddenTransition
from core.steps import StepRecord, StepState, moment_of, text_of
from core.upcasts import OPERATION, latest, upcast

BUCKETS = 64
"""More than there are workers. The number of an operation's bucket is stored with it, so this never changes."""
SHORT_CHARS = 8
"""The length of the reference that payers get. It is stored with each operation, so this never changes."""
HISTORY_LIMIT = 300
"""The most entries of a timeline: a payment with 50 parts writes 207 when nothing fails."""
HISTORY_HEAD = 50
"""How many of the first entries are kept. The dropped ones are in the middle of a long doubt."""
OMITTED = "omitted"
SCHEMA = latest(OPERATION)
"""The form of the documents that `to_document` writes."""


class Status(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    PROCESSING = "processing"
    IN_DOUBT = "in_doubt"
    NEEDS_REVIEW = "needs_review"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    REFUNDED = "refunded"
    FAILED = "failed"


TERMINAL = frozenset({Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED, Status.REFUNDED, Status.FAILED})
MOVES = frozenset(status.value for status in Status)
"""The events of entries that say which status the operation came to."""
RELEASING = frozenset({Status.REFUNDED, Status.FAILED})
"""The ends that leave nothing done: the same request may be sent again, as a new operation."""

TRANSITIONS: Mapping[tuple[Status, Status], str] = {
    (Status.OPEN, Status.ACCEPTED): "its owner closed it",
    (Status.ACCEPTED, Status.PROCESSING): "a worker began the first step",
    (Status.PROCESSING, Status.IN_DOUBT): "a partner has not reported the outcome for 15 minutes",
    (Status.PROCESSING, Status.NEEDS_REVIEW): "a partner refused or was unavailable, and only a person can decide",
    (Status.PROCESSING, Status.SUCCEEDED): "every step is done",
    (Status.PROCESSING, Status.PARTIALLY_SUCCEEDED): "some parts are done; the money of the others was given back",
    (Status.PROCESSING, Status.REFUNDED): "nothing was done; all the money was given back",
    (Status.PROCESSING, Status.FAILED): "a step was declined before any money moved",
    (Status.IN_DOUBT, Status.PROCESSING): "the partner reported the outcome",
    (Status.IN_DOUBT, Status.NEEDS_REVIEW): "the partner has still not reported the outcome",
    (Status.NEEDS_REVIEW, Status.PROCESSING): "a person decided",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline. `event` is stable; `text` is for people."""

    at: datetime
    event: str
    text: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    worker: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """One accepted request.

    request: validated and canonical JSON; subject and counterparty: whom lists find it by, such as a phone in E.164;
    notification: whom to notify of the outcome, see `core.notices.outcome`;
    operator: the mobile-money operator that moves its money, chosen when it was accepted; None for one that needs none.
    report_to: where the client wants to be told of this operation, besides its endpoints.
    receivers: who else is notified once it has succeeded, see `core.notices.outcome`.
    given_back: what was given back after its end, by refund, see `core.given_back`.
    """

    id: str
    kind: str
    request: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    subject: str | None = None
    counterparty: str | None = None
    client: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    status: Status = Status.ACCEPTED
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    lease: Lease | None = None
    history: tuple[Entry, ...] = ()
    trace: str | None = None
    notification: Mapping[str, Any] | None = None
    operator: str | None = None
    report_to: Mapping[str, Any] | None = None
    receivers: tuple[Mapping[str, Any], ...] = ()
    given_back: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    def reference(self, step: str) -> str:
        """The name under which a partner knows this step."""
        return f"{self.id}:{step}"

    def step(self, name: str) -> StepRecord:
        return self.steps.get(name) or StepRecord(reference=self.reference(name))

    def with_step(self, name: str, record: StepRecord) -> "Operation":
        return replace(self, steps={**self.steps, name: record})

    def moved(self, status: Status, at: datetime) -> "Operation":
        """The operation in another status. Raises ForbiddenTransition for an edge that is not in the table."""
        if status == self.status:
            return self
        reason = TRANSITIONS.get((self.status, status))
        if reason is None:
            raise ForbiddenTransition(operation=self.id, old=self.status, new=status)
        released = None if status in RELEASING else self.fingerprint
        due_at = None if status in TERMINAL or status == Status.NEEDS_REVIEW else self.due_at
        moved = replace(self, status=status, fingerprint=released, due_at=due_at)
        return moved.noted(at, str(status), reason)

    def noted(self, at: datetime, event: str, text: str, step: str | None = None) -> "Operation":
        """The operation with one more line in its timeline."""
        history = _shortened((*self.history, Entry(at, event, text, step)))
        return replace(self, history=history, updated_at=at)

    def moves(self) -> list[Entry]:
        """The entries of the timeline that say which status the operation came to, in order: all there have been."""
        return [entry for entry in self.history if entry.event in MOVES]

    def to_document(self) -> dict[str, Any]:
        """The JSON document that is stored; times as RFC 3339 text that sorts."""
        return {
            "id": self.id,
            "schema": SCHEMA,
            "kind": self.kind,
            "status": self.status.value,
            "request": self.request,
            "subject": self.subject,
            "counterparty": self.counterparty,
            "client": self.client,
            "idempotency_key": self.idempotency_key,
            "fingerprint": self.fingerprint,
            "steps": {name: record.to_document() for name, record in self.steps.items()},
            "error": self.error,
            "due_at": text_of(self.due_at),
            "bucket": bucket_of(self.id),
            "short": short_reference(self.id),
            "lease": self.lease and {"worker": self.lease.worker, "until": to_rfc3339(self.lease.until)},
            "history": [
                {"at": to_rfc3339(e.at), "event": e.event, "text": e.text, "step": e.step} for e in self.history
            ],
            "created_at": to_rfc3339(self.created_at),
            "updated_at": to_rfc3339(self.updated_at),
            "trace": self.trace,
            "notification": self.notification,
            "operator": self.operator,
            "report_to": self.report_to,
            "receivers": list(self.receivers),
            "given_back": self.given_back,
            "version": self.version,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Operation":
        """The inverse of `to_document`, also for documents of earlier releases. Raises NewerDocument."""
        document = upcast(OPERATION, document)
        lease = document["lease"]
        history = (Entry(from_rfc3339(e["at"]), e["event"], e["text"], e["step"]) for e in document["history"])
        read = {
            "status": Status(document["status"]),
            "steps": {name: StepRecord.from_document(record) for name, record in document["steps"].items()},
            "due_at": moment_of(document["due_at"]),
            "lease": lease and Lease(lease["worker"], from_rfc3339(lease["until"])),
            "history": tuple(history),
            "receivers": tuple(document["receivers"]),
            "created_at": from_rfc3339(document["created_at"]),
            "updated_at": from_rfc3339(document["updated_at"]),
        }
        values = {**document, **read}
        del values["schema"], values["bucket"], values["short"]
        return cls(**values)


def _shortened(history: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The timeline without the first entries after HISTORY_HEAD that are no change of status."""
    head, middle = history[:HISTORY_HEAD], list(history[HISTORY_HEAD:])
    while len(head) + len(middle) > HISTORY_LIMIT:
        kept = [entry for entry in middle if entry.event != OMITTED]
        dropped = next((entry for entry in kept if entry.event not in MOVES), kept[0])
        kept.remove(dropped)
        middle = [Entry(dropped.at, OMITTED, "entries between here and the next are not kept"), *kept]
    return (*head, *middle)


def postponed(document: Mapping[str, Any], until: datetime) -> dict[str, Any]:
    """A stored operation, due at another time, in the form of this release.

    One that this release cannot read keeps its form, as `due_at` is the same in all forms: it must not stay due, or it
    would hold up the others.
    """
    with suppress(Exception):
        document = upcast(OPERATION, document)
    return {**document, "due_at": to_rfc3339(until)}


def redirect_of(operation: Operation) -> str | None:
    """Where the payer has to confirm now: the page that an operator gave, while it waits for the payer."""
    waiting = (record for record in operation.steps.values() if record.state is StepState.SUBMITTED)
    pages = (record.result.get("redirect") for record in waiting) if not operation.terminal else iter(())
    return next((str(page) for page in pages if page), None)


def short_reference(id: str) -> str:
    """What payers read out: the end of the id. It is random, so few operations share one."""
    return id[-SHORT_CHARS:]


def bucket_of(id: str) -> int:
    """Workers divide operations by this number, from 0 to BUCKETS - 1."""
    return zlib.crc32(id.encode()) % BUCKETS


def fingerprint(kind: str, request: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical request, 64 hexadecimal digits: the same however the request was spelled."""
    canonical = json.dumps([kind, request], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
