"""The record of one step of an operation: its state, its calls, and what its partner said."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.clock import from_rfc3339, to_rfc3339

FIRST_CALLS = 4
LAST_CALLS = 8
"""How many calls of a step are kept. The dropped ones are in the middle of a long doubt, and said the same."""


REFUND_BY_HAND = "refund_by_hand"
"""The code of a refund that the operator does not offer: a person gives the money back."""


class StepState(StrEnum):
    WAITING = "waiting"  # not sent, or surely not processed: may be submitted at `next_at`
    SUBMITTED = "submitted"  # the intent is saved: anything may have happened until a reply says what did
    DONE = "done"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a partner, as evidence for people.

    at: when it began; took_ms: how long it took, in milliseconds.
    verb: submit or enquire.
    reply: what we understood, such as `confirmed`.
    said: the partner's own words, see `worker.partners.words`.
    """

    at: datetime
    took_ms: int
    verb: str
    reply: str
    said: Mapping[str, Any]

    def to_document(self) -> dict[str, Any]:
        return {
            "at": to_rfc3339(self.at),
            "took_ms": self.took_ms,
            "verb": self.verb,
            "reply": self.reply,
            "said": self.said,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Call":
        return cls(**{**document, "at": from_rfc3339(document["at"])})


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The record of one step.

    reference: the same on every attempt; the partner's idempotency rests on it.
    acknowledged: the partner said once that it has the request.
    result: what the partner gave us for later calls, such as its own id of the request.
    calls: the first and the last calls of the partner.
    """

    reference: str
    state: StepState = StepState.WAITING
    attempts: int = 0
    enquiries: int = 0
    begun_at: datetime | None = None
    submitted_at: datetime | None = None
    doubt_since: datetime | None = None
    acknowledged: bool = False
    next_at: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    last_error: str | None = None
    calls: tuple[Call, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in (StepState.DONE, StepState.DECLINED)

    def with_call(self, call: Call) -> "StepRecord":
        calls = (*self.calls, call)
        if len(calls) > FIRST_CALLS + LAST_CALLS:
            calls = (*calls[:FIRST_CALLS], *calls[FIRST_CALLS + 1 :])
        return replace(self, calls=calls)

    def to_document(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "state": self.state.value,
            "attempts": self.attempts,
            "enquiries": self.enquiries,
            "begun_at": text_of(self.begun_at),
            "submitted_at": text_of(self.submitted_at),
            "doubt_since": text_of(self.doubt_since),
            "acknowledged": self.acknowledged,
            "next_at": text_of(self.next_at),
            "result": self.result,
            "last_error": self.last_error,
            "calls": [call.to_document() for call in self.calls],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "StepRecord":
        times = {name: moment_of(document[name]) for name in ("begun_at", "submitted_at", "doubt_since", "next_at")}
        calls = tuple(map(Call.from_document, document["calls"]))
        return cls(**{**document, **times, "calls": calls, "state": StepState(document["state"])})


def text_of(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment else None


def moment_of(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None
