"""The answers of the API, typed. Members are those of `/openapi.json`; an answer may have more."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

ENDED = frozenset({"succeeded", "partially_succeeded", "refunded", "failed"})
"""The final statuses. Treat every other status as "not yet", also one that you do not know."""
MONEY = frozenset({"amount", "refunded", "price", "total_price"})
AS_WRITTEN = "event_data"
"""The member that is the client's own JSON."""


class Reason(TypedDict, total=False):
    code: str
    step: str
    claimed: str
    retry_at: str


class NextAction(TypedDict):
    type: str
    url: str


class Operation(TypedDict):
    """reason: why it did not succeed; next_action: what the payer has to do now."""

    id: str
    status: str
    reason: Reason | None
    next_action: NextAction | None
    created_at: str
    updated_at: str
    status_url: str


class Fine(TypedDict):
    id: str
    amount: Decimal
    status: str
    reason: str | None


class FinePayment(Operation):
    amount: Decimal
    currency: str
    refunded: Decimal
    msisdn: str
    amendes: list[Fine]


class Payout(Operation):
    amount: Decimal
    currency: str
    msisdn: str
    text: str
    operator: str
    requested_by: str
    decided_by: str | None
    rejection: str | None


class Refund(Operation):
    amount: Decimal
    currency: str
    payment: str
    items: list[str]
    refund_reason: str
    msisdn: str | None
    way: str | None
    requested_by: str


class Consultation(TypedDict):
    id: str
    start_date: str
    end_date: str | None
    physician_id: str
    patient_id: str
    price: Decimal | None


class Charge(TypedDict):
    appointment_id: str
    status: str
    reason: Reason | None
    total_price: Decimal
    currency: str


class Event(TypedDict):
    event_uid: str
    event_timestamp: str
    event_data: dict[str, Any]


class PublishedEvent(Event):
    solution: str
    model: str
    action: str
    status: str
    published: bool
    published_at: str | None
    attempts: int


class FoundOperation(TypedDict):
    """short: the reference that payers read out; operator: the mobile-money operator."""

    id: str
    kind: str
    short: str
    status: str
    reason: Reason | None
    operator: str | None
    amount: Decimal | None
    currency: str | None
    created_at: str
    updated_at: str
    status_url: str | None


class Filters(TypedDict, total=False):
    """What operations are found by: at most one of ref, reference, fine, plate and msisdn."""

    kind: str
    status: str
    partner: str
    ref: str
    reference: str
    fine: str
    plate: str
    msisdn: str


def read(body: bytes | str) -> Any:
    """The JSON value of a body: fractions and amounts of money are Decimal. Raises ValueError."""
    return _with_money(json.loads(body, parse_float=Decimal))


def _with_money(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_money(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each if name == AS_WRITTEN else _amount(each) if name in MONEY else _with_money(each)
        for name, each in value.items()
    }


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return _with_money(value)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError(f"not an amount of money: {value[:40]!r}") from None  # type: ignore[index]
