"""What has been given back of an operation after its end, kept in its own document: so one save decides.

A part belongs to one refund. It is taken before money moves, and given once the money has moved; one that is released
counts no more, and stays: a worker that was paused cannot take it again.

An item of the payment, such as a fine, is given back by one part: the one that has its whole price, or else the part
with which all that was paid is back. So no item is given back for less than it costs, and none is left over.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.money import format_minor
from core.operation import Operation

MAX_PARTS = 200
"""The most refunds that are asked for of one operation: its document stays small."""


class PartState(StrEnum):
    TAKEN = "taken"
    GIVEN = "given"
    RELEASED = "released"


@dataclass(frozen=True)
class Part:
    """minor: the amount in minor units. items: those of the payment that it gives back as a whole, such as fines."""

    minor: int
    items: tuple[str, ...]
    state: PartState

    @property
    def counts(self) -> bool:
        return self.state is not PartState.RELEASED


def parts_of(operation: Operation) -> Mapping[str, Part]:
    """Returns the parts by the id of their refund."""
    stored = operation.given_back.items()
    return {id: Part(part["minor"], tuple(part["items"]), PartState(part["state"])) for id, part in stored}


def counted_minor(operation: Operation) -> int:
    """Returns what is given back or is about to be, in minor units."""
    return sum(part.minor for part in parts_of(operation).values() if part.counts)


def given_minor(operation: Operation) -> int:
    """Returns what is given back, in minor units."""
    return sum(part.minor for part in parts_of(operation).values() if part.state is PartState.GIVEN)


def is_given(operation: Operation, item: str) -> bool:
    """Whether the money of this item is given back."""
    return any(item in part.items for part in parts_of(operation).values() if part.state is PartState.GIVEN)


class NotAvailable(Exception):
    """This part cannot be given back. `code` is stable and public."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


EXCEEDS, TWICE, TOO_MANY, OVER = "refund_exceeds_payment", "already_refunded", "too_many_refunds", "refund_released"


def check(operation: Operation, paid: Mapping[str, int], minor: int, items: Collection[str]) -> None:
    """Raises NotAvailable for a part that is more than what is left, or has an item that another part has.

    paid: what was paid, in minor units, by item; the item "" is the payment itself, which is in no part.
    """
    parts = parts_of(operation).values()
    if len(parts) >= MAX_PARTS:
        raise NotAvailable(TOO_MANY)
    if any(item in part.items for part in parts if part.counts for item in items):
        raise NotAvailable(TWICE)
    if counted_minor(operation) + minor > sum(paid.values()):
        raise NotAvailable(EXCEEDS)


def taken(operation: Operation, refund: str, paid: Mapping[str, int], minor: int, items: Collection[str]) -> Operation:
    """Returns the operation with a part for this refund. Raises NotAvailable, from then on always for this refund.

    items: what it is asked to give back as a whole. The part has none of them if they cost more.
    """
    known = parts_of(operation).get(refund)
    if known is not None:
        if not known.counts:
            raise NotAvailable(OVER)
        return operation
    pays = sum(paid[item] for item in items) <= minor
    check(operation, paid, minor, items if pays else ())
    return _with(operation, refund, Part(minor, tuple(items) if pays else (), PartState.TAKEN))


def released(operation: Operation, refund: str) -> Operation:
    """Returns the operation with the part released, unless it is given. Without one, the refund gets none any more."""
    known = parts_of(operation).get(refund, Part(0, (), PartState.TAKEN))
    return operation if known.state is PartState.GIVEN else _with(operation, refund, _as(known, PartState.RELEASED))


def given(operation: Operation, refund: str, paid: Mapping[str, int], currency: str, at: datetime) -> Operation:
    """Returns the operation with the part given, and a line in its timeline.

    When all that was paid is given back, the part has the items that no other has, and the same request may be sent
    again, as a new operation.
    """
    part = parts_of(operation)[refund]
    if part.state is PartState.GIVEN:
        return operation
    operation = _with(operation, refund, _as(part, PartState.GIVEN))
    text = f"{format_minor(part.minor, currency)} {currency} given back by refund {refund}"
    operation = operation.noted(at, "given_back", text)
    if given_minor(operation) < sum(paid.values()):
        return operation
    rest = [item for item in paid if item and not is_given(operation, item)]
    last = replace(part, items=(*part.items, *rest), state=PartState.GIVEN)
    return replace(_with(operation, refund, last), fingerprint=None)


def _as(part: Part, state: PartState) -> Part:
    return replace(part, state=state)


def _with(operation: Operation, refund: str, part: Part) -> Operation:
    stored: Mapping[str, Any] = {"minor": part.minor, "items": list(part.items), "state": part.state.value}
    return replace(operation, given_back={**operation.given_back, refund: stored})
