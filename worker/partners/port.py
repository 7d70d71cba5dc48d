"""The six replies that a partner call can have. A timeout is not a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The request was carried out."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declined:
    """The request was not carried out and will not be.

    code: stable and public.
    result: the evidence, such as the partner's reason.
    """

    code: str
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pending:
    """The partner has the request and will report its outcome later."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request was sent without a usable answer: it may have been carried out, or may be a little later."""

    why: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """Only for an enquiry: the partner has no such request, or not yet."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The request was surely not sent, or surely not processed.

    retry_after_s: the wait that the partner asks for, in seconds.
    """

    why: str
    retry_after_s: float = 0


Reply = Confirmed | Declined | Pending | Unknown | NotFound | Unavailable

REFERENCE_CONFLICT = "reference_conflict"
"""The code of Declined when the partner has the reference from another request."""
