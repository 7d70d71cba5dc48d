"""Payouts: an operator pays money to a phone. Large ones wait until a second person has approved them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from core.contract import PAYOUT, Contract, Door, Effect, Request, StatusEvents, effect_of
from core.environment import Env
from core.money import exceeds
from core.operation import Operation
from core.settings import prices

SCOPE = "payouts:create"
SCOPE_ALL = "payouts:all"
"""With SCOPE, a key also sees the payouts that others have asked for."""
PAYOUT_STEP = "payout"


@dataclass(frozen=True)
class PayoutRequest(Request):
    """msisdn: E.164; amount: minor units; text: shown to the payee; reason: of the rejection.

    requested_by, decided_by: ids of callers; decided_by is None while it waits, and for what needs no approval.
    rejected: what was decided.
    """

    msisdn: str
    amount: int
    currency: str
    text: str
    requested_by: str
    decided_by: str | None = None
    rejected: bool = False
    reason: str | None = None


def effects(operation: Operation) -> Iterator[Effect]:
    request = PAYOUTS.read(operation)
    return effect_of(operation, PAYOUT_STEP, PAYOUT, request.amount, request.currency)


@dataclass(frozen=True)
class PayoutSettings:
    """payout_limits: the largest amounts that need no approval, one for each currency, such as `100000 XOF`."""

    payout_limits: list[str]

    @classmethod
    def read(cls, env: Env) -> Self:
        return cls(env.list("PAYOUT_LIMITS", ["100000 XOF"], validate=prices))

    def needs_approval(self, minor: int, currency: str) -> bool:
        """Returns whether a second person has to approve this amount: always, in a currency without a limit."""
        return exceeds(self.payout_limits, minor, currency)


PAYOUTS = Contract(
    "payout",
    PayoutRequest,
    frozenset({Door.HTTP}),
    (PAYOUT,),
    effects,
    status_events=StatusEvents("payout", "/v1/payouts/{id}", lambda request: (request.amount, request.currency)),
)
CONTRACTS = (PAYOUTS,)
SETTINGS = (PayoutSettings,)
SCOPES = (SCOPE, SCOPE_ALL)
