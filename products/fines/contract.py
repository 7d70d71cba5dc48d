"""Fines, paid by mobile money: debit the payer once, then settle each fine at the city's registry."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from marshmallow import ValidationError

from core.contract import (
    DEBIT,
    REFUND,
    Contract,
    Door,
    Effect,
    EffectKind,
    Record,
    Refunding,
    Request,
    StatusEvents,
    effect_of,
)
from core.environment import Env
from core.given_back import is_given
from core.operation import Operation, Status
from core.operation_names import named
from core.settings import CURRENCIES, known_currency
from core.steps import StepState
from products.fines.lookup import FINE_LOOKUP

MAX_FINES = 50
MAX_PLATE_CHARS = 32
FINE_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""How the registry numbers fines."""
PLACE, MAX_PLACES = "#", 20
"""In FINE_NUMBER_PATTERN: a digit that people type; and how many of them, so that an example fits on a screen."""
FINE = EffectKind("fine", "fines settled", Record.PARTNER)

SCOPE_PAY, SCOPE_READ, SCOPE_ALL = "fines:pay", "fines:read", "fines:all"
"""Of machines. A key that may pay owns its payments, and no limit of open debits holds for it; one that may read lists
the payments of its client, or with SCOPE_ALL those of everybody."""
CLAIM, RELEASE, DEBIT_STEP, REFUND_STEP = "claim", "release", "debit", "refund"


RESERVED = "amende:"
"""The beginning of the ids of reservations; a fine's number follows."""
ALREADY_CLAIMED, BEING_PAID, TAKEN_OVER = "fine_already_claimed", "fine_being_paid", "fine_taken_over"


def check_step(fine: str) -> str:
    return f"check:{fine}"


def settle_step(fine: str) -> str:
    return f"settle:{fine}"


@dataclass(frozen=True)
class Fine:
    """amount: minor units."""

    id: str
    amount: int


@dataclass(frozen=True)
class FinePayment(Request):
    """msisdn: E.164; amount: minor units, the sum of the fines; amendes: sorted by id."""

    msisdn: str
    currency: str
    amount: int
    amendes: tuple[Fine, ...]

    def to_json(self) -> dict[str, Any]:
        fines = [{"id": fine.id, "amount": fine.amount} for fine in self.amendes]
        return {"msisdn": self.msisdn, "currency": self.currency, "amount": self.amount, "amendes": fines}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        fines = tuple(Fine(fine["id"], fine["amount"]) for fine in document["amendes"])
        return cls(document["msisdn"], document["currency"], document["amount"], fines)


class FineStatus(StrEnum):
    """How one fine of a payment stands."""

    PENDING = "pending"
    PAID = "paid"
    REFUSED = "refused"  # its money is on the way back
    REFUNDED = "refunded"
    UNPAID = "unpaid"  # the payment failed before any money moved


def is_settled(operation: Operation, fine: str) -> bool:
    """Whether the registry has marked the fine as paid by this payment."""
    return operation.step(settle_step(fine)).state is StepState.DONE


def is_used_up(operation: Operation, fine: str) -> bool:
    """Whether this payment has paid the fine for good: its money has not been given back since."""
    return is_settled(operation, fine) and not is_given(operation, fine)


def has_money(operation: Operation) -> bool:
    """Whether the payer has paid. A payment keeps its fines from then on, until it ends."""
    return operation.step(DEBIT_STEP).state is StepState.DONE


def gave_up(operation: Operation) -> bool:
    """Whether the payer has refused, or could not pay."""
    return operation.step(DEBIT_STEP).state is StepState.DECLINED


def is_refunded(operation: Operation) -> bool:
    return operation.step(REFUND_STEP).state is StepState.DONE


def unsettled_minor(operation: Operation) -> int:
    """The money of the fines that are not settled, in minor units: what a refund gives back."""
    fines = FINE_PAYMENT.read(operation).amendes
    return sum(fine.amount for fine in fines if not is_settled(operation, fine.id))


def paid(operation: Operation) -> Mapping[str, int]:
    """What the payment has paid, in minor units, by fine."""
    fines = FINE_PAYMENT.read(operation).amendes
    return {fine.id: fine.amount for fine in fines if is_settled(operation, fine.id)}


def status_of(operation: Operation, fine: str) -> FineStatus:
    """How the fine stands within its payment."""
    match operation.step(settle_step(fine)).state:
        case StepState.DONE:
            return FineStatus.REFUNDED if is_given(operation, fine) else FineStatus.PAID
        case StepState.DECLINED:
            return FineStatus.REFUNDED if is_refunded(operation) else FineStatus.REFUSED
        case _:
            return FineStatus.UNPAID if operation.status is Status.FAILED else FineStatus.PENDING


def reason_of(operation: Operation, fine: str) -> str | None:
    """Why the registry refused the fine, as a stable code; None if it did not."""
    records = (operation.step(name) for name in (check_step(fine), settle_step(fine)))
    return next((record.last_error for record in records if record.state is StepState.DECLINED), None)


def effects(operation: Operation) -> Iterator[Effect]:
    """The debit, each settlement, and the refund."""
    request = FINE_PAYMENT.read(operation)
    yield from effect_of(operation, DEBIT_STEP, DEBIT, request.amount, request.currency)
    for fine in request.amendes:
        yield from effect_of(operation, settle_step(fine.id), FINE, fine.amount, request.currency)
    yield from effect_of(operation, REFUND_STEP, REFUND, unsettled_minor(operation), request.currency)


@dataclass(frozen=True)
class FinesSettings:
    """registry_url: where the city's registry of fines answers.

    registry_currency: of the fines whose currency the registry does not name.
    fine_number_pattern: where digits that are typed belong, such as `AM-####-######`; "" where numbers are typed in
        full.
    """

    registry_url: str
    registry_currency: str
    fine_number_pattern: str = ""

    @classmethod
    def read(cls, env: Env) -> Self:
        first = env.list("CURRENCIES", CURRENCIES)[0]
        currency = env.str("REGISTRY_CURRENCY", first, validate=known_currency)
        pattern = env.str("FINE_NUMBER_PATTERN", "", validate=_is_pattern)
        return cls(env.partner("REGISTRY_URL", "/registry"), currency or "", pattern or "")


def _is_pattern(text: str) -> None:
    if text and not (1 <= text.count(PLACE) <= MAX_PLACES and re.fullmatch(FINE_ID, text.replace(PLACE, "0"))):
        raise ValidationError(f"must be a number of a fine with 1 to {MAX_PLACES} `{PLACE}`, such as AM-####-######.")


def named_fine(id: str) -> str:
    return named("fine", id)


def named_plate(plate: str) -> str:
    """The name of a vehicle's plate, however it is spelled."""
    return named("plate", "".join(filter(str.isalnum, plate.upper()))[:MAX_PLATE_CHARS])


def names_of(payment: FinePayment) -> tuple[str, ...]:
    return tuple(named_fine(fine.id) for fine in payment.amendes)


def names_typed(text: str) -> tuple[str, ...]:
    """The names that somebody may mean who types this: fines as written, or in capitals; a plate."""
    return named_fine(text), named_fine(text.upper()), named_plate(text)


FINE_PAYMENT = Contract(
    "fine_payment",
    FinePayment,
    frozenset({Door.HTTP, Door.USSD}),
    (DEBIT, FINE, REFUND),
    effects,
    status_events=StatusEvents("payment", "/amendes/payments/{id}", lambda request: (request.amount, request.currency)),
    refunding=Refunding(paid, lambda request: request.currency, lambda request: request.msisdn, DEBIT_STEP),
    names=names_of,
    typed=names_typed,
)
CONTRACTS = (FINE_PAYMENT, FINE_LOOKUP)
SETTINGS = (FinesSettings,)
SCOPES = (SCOPE_PAY, SCOPE_READ, SCOPE_ALL)
