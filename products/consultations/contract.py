"""Consultations: opened, closed, and from then on always charged at the finance service."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from core.contract import Contract, Door, Effect, EffectKind, Record, Request, StatusEvents, effect_of
from core.environment import Env
from core.errors import InvalidField
from core.operation import Operation, Status
from core.settings import price

MAX_CONSULTATION = timedelta(hours=24)
CHARGE_STEP = "charge"
CHARGE = EffectKind("charge", "charges", Record.PARTNER)
SCOPE = "consultations"
"""What a key of a clinic's machine has to be good for."""
SCOPE_ALL = "consultations:all"
"""With SCOPE, a key is good for the consultations of other clinics too."""


@dataclass(frozen=True)
class ConsultationRequest(Request):
    """start_date, end_date: as the client wrote them; rate: minor units an hour; price: minor units.

    end_date and price are None until the consultation is closed.
    """

    start_date: str
    end_date: str | None
    rate: int
    currency: str
    price: int | None

    def closed(self, end_date: str, started: datetime, ended: datetime) -> "ConsultationRequest":
        """The request with its end and its price. Raises InvalidField for an end that cannot be."""
        took = ended - started
        if took < timedelta(0):
            raise InvalidField("end_date", "Before the start.")
        if took > MAX_CONSULTATION:
            raise InvalidField("end_date", "More than 24 hours after the start.")
        return replace(self, end_date=end_date, price=price_of(self.rate, int(took.total_seconds())))


def price_of(rate: int, seconds: int) -> int:
    """Minor units for a time at a rate of minor units an hour, rounded half up."""
    return int((Decimal(rate) * seconds / 3600).quantize(Decimal(1), ROUND_HALF_UP))


def effects(operation: Operation) -> Iterator[Effect]:
    """The charge of a consultation that was closed."""
    if operation.status is not Status.OPEN:
        request = CONSULTATION.read(operation)
        yield from effect_of(operation, CHARGE_STEP, CHARGE, request.price or 0, request.currency)


@dataclass(frozen=True)
class ConsultationSettings:
    """finance_url: where charges go; consultation_rate: the price of an hour, such as `200.00 BRL`."""

    finance_url: str
    consultation_rate: str

    @classmethod
    def read(cls, env: Env) -> Self:
        return cls(env.partner("FINANCE_URL", "/finance"), env.str("CONSULTATION_RATE", "200.00 BRL", validate=price))


CONSULTATION = Contract(
    "consultation",
    ConsultationRequest,
    frozenset({Door.HTTP}),
    (CHARGE,),
    effects,
    status_events=StatusEvents("charge", "/consultations/{id}", lambda request: (request.price or 0, request.currency)),
)
CONTRACTS = (CONSULTATION,)
SETTINGS = (ConsultationSettings,)
SCOPES = (SCOPE, SCOPE_ALL)
