"""The replies that a partner call can have. A timeout is not a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answered:
    """The base of all replies.

    said: the partner's own words, for people: no decision rests on them.
    """

    said: Mapping[str, Any] = field(default_factory=dict, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Confirmed(Answered):
    """The request was carried out.

    result: what the partner gave us for later calls, such as its transaction id.
    """

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declined(Answered):
    """The request was not carried out and will not be.

    code: stable and public.
    result: the evidence, such as the partner's reason.
    called: whether the partner was called at all; otherwise this says nothing about it.
    """

    code: str
    result: Mapping[str, Any] = field(default_factory=dict)
    called: bool = field(default=True, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Pending(Answered):
    """The partner has the request and will report its outcome later.

    result: what it gave us to ask by, such as its own id of the request. Saved with the step.
    """

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unknown(Answered):
    """The request was sent without a usable answer: it may have been carried out, or may be a little later."""

    why: str


@dataclass(frozen=True, slots=True)
class NotFound(Answered):
    """Only for an enquiry: the partner has no such request, or not yet."""


@dataclass(frozen=True, slots=True)
class Unavailable(Answered):
    """The request was surely not sent, or surely not processed.

    retry_after_s: the wait that the partner asks for, in seconds.
    called: whether the partner was called at all; otherwise this says nothing about it.
    """

    why: str
    retry_after_s: float = 0
    called: bool = field(default=True, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Mismatch(Answered):
    """The partner has our reference, but with another amount or another payer. Only a person can say why.

    why: what differs.
    """

    why: str


Reply = Confirmed | Declined | Pending | Unknown | NotFound | Unavailable | Mismatch

REFERENCE_CONFLICT = "reference_conflict"
"""The code of Declined when the partner has the reference from another request."""
