"""What a partner can say. Six replies, and no other: a timeout is not a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Confirmed:
    """It happened."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declined:
    """It did not happen and will not. `code` is stable and public; `result` is the evidence."""

    code: str
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pending:
    """They have it and will tell later."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent, and there is no usable answer: anything may have happened, now or a little later."""

    why: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """To an enquiry only: they have no such request (yet)."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It was surely not sent, or surely refused unprocessed. `retry_after_s` is the partner's own wish."""

    why: str
    retry_after_s: float = 0


Reply = Confirmed | Declined | Pending | Unknown | NotFound | Unavailable

REFERENCE_CONFLICT = "reference_conflict"
"""Declined because the partner knows the reference from another request."""
