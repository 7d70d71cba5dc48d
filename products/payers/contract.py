"""Checks of payers: the operator says whether an account is active, and its owner's name where it reports it."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.contract import Contract, Door, Effect, EffectKind, Record, Request, effect_of
from core.operation import Operation
from core.steps import StepState

SCOPE = "payers:check"
SCOPE_ALL = "payers:all"
"""With SCOPE, a key also sees what others have asked."""
HOLDER_STEP = "holder"
LOOK_UP = EffectKind("look_up", "accounts looked up", Record.NONE)


@dataclass(frozen=True)
class PayerCheck(Request):
    """msisdn: E.164."""

    msisdn: str


def holder_of(operation: Operation) -> tuple[bool | None, str | None]:
    """Returns whether the account is active, and its owner's name; None for what is not known."""
    record = operation.step(HOLDER_STEP)
    if record.state is not StepState.DONE:
        return None, None
    return bool(record.result["active"]), record.result.get("name")


def effects(operation: Operation) -> Iterator[Effect]:
    return effect_of(operation, HOLDER_STEP, LOOK_UP)


PAYER_CHECK = Contract("payer_check", PayerCheck, frozenset({Door.HTTP}), (LOOK_UP,), effects)
CONTRACTS = (PAYER_CHECK,)
SCOPES = (SCOPE, SCOPE_ALL)
