"""Refunds of payments that have succeeded: to the phone by its operator, or to the wallet.

A refund is an operation of its own. What it gives back is a part in the payment's document (`core.given_back`), taken
before money moves: so refunds together never give back more than was paid.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from core.contract import (
    PAYOUT,
    REFUND,
    Contract,
    Door,
    Effect,
    EffectKind,
    Legs,
    Record,
    Request,
    StatusEvents,
    effect_of,
)
from core.dialects import Way
from core.given_back import EXCEEDS, NotAvailable, check, counted_minor, parts_of
from core.notices.languages import Say
from core.operation import Operation, Status
from core.steps import StepState

SCOPE, SCOPE_ALL = "refunds:create", "refunds:all"
"""A key with SCOPE gives back payments of its own client, with SCOPE_ALL those of everybody."""
TAKE_STEP, RETURN_STEP, GIVE_STEP, PUT_BACK_STEP = "take", "refund", "give", "put_back"
REOPENING = EffectKind("reopening", "things reopened", Record.PARTNER)
REFUNDABLE = (Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED)


def reopen_step(item: str) -> str:
    return f"reopen:{item}"


@dataclass(frozen=True)
class RefundRequest(Request):
    """payment: the id of the operation that is given back, and of_kind its kind. amount: minor units.

    items: those of the payment that are given back as a whole, such as fines. reason: why, for people.
    msisdn: the phone that gets the money, in E.164, and way how; None for a wallet.
    source, target: the accounts between which the money goes; None where no account of ours had it.
    payment_items: all items of the payment. With the last of its money, those that are left are given back too.
    """

    payment: str
    of_kind: str
    amount: int
    currency: str
    items: list[str]
    reason: str
    requested_by: str
    msisdn: str | None = None
    way: Way | None = None
    source: str | None = None
    target: str | None = None
    payment_items: list[str] = field(default_factory=list)

    @property
    def legs(self) -> Legs | None:
        return None if self.source is None or self.target is None else (self.source, self.target)


def wanted(
    payment: Operation, paid: Mapping[str, int], minor: int | None, items: Collection[str]
) -> tuple[int, list[str]]:
    """Returns what a request asks for: an amount in minor units, and the items that it gives back as a whole.

    paid: what was paid, by item. minor: the amount that the request names, items: the items; without both, all that is
    left is meant. Items that cost more than what is left are not named: see `core.given_back`.
    """
    if items:
        return sum(paid[item] for item in items), sorted(items)
    counted = {item for part in parts_of(payment).values() if part.counts for item in part.items}
    rest = {item: amount for item, amount in paid.items() if item not in counted}
    left = sum(paid.values()) - counted_minor(payment)
    asked = left if minor is None else minor
    return asked, sorted(filter(None, rest)) if asked == left == sum(rest.values()) else []


def refuse(payment: Operation, paid: Mapping[str, int], request: RefundRequest) -> None:
    """Raises NotAvailable for what cannot be given back now. The worker decides when it takes the part."""
    if request.amount == 0:
        raise NotAvailable(EXCEEDS)
    check(payment, paid, request.amount, request.items)


def given_items(operation: Operation) -> list[str]:
    """The items that this refund gives back as a whole; until its money is back, those that it is meant to."""
    request, record = REFUND_KIND.read(operation), operation.step(GIVE_STEP)
    found = record.result.get("items", request.items) if record.state is StepState.DONE else request.items
    return list(found)


def words(say: Say) -> str:
    """What the message about it says, with a place for the amount."""
    return say("You get back {amount}.")


def effects(operation: Operation) -> Iterator[Effect]:
    """The money of a phone, and each item that is reopened where it was marked as paid."""
    request = REFUND_KIND.read(operation)
    if request.msisdn is not None:
        kind = PAYOUT if request.way == Way.PAYOUT else REFUND
        yield from effect_of(operation, RETURN_STEP, kind, request.amount, request.currency)
    for item in given_items(operation):
        yield from effect_of(operation, reopen_step(item), REOPENING)


REFUND_KIND = Contract(
    "refund",
    RefundRequest,
    frozenset({Door.HTTP}),
    (REFUND, PAYOUT, REOPENING),
    effects,
    legs=lambda request: request.legs,
    status_events=StatusEvents("refund", "/v1/refunds/{id}", lambda request: (request.amount, request.currency)),
)
CONTRACTS = (REFUND_KIND,)
SCOPES = (SCOPE, SCOPE_ALL)
