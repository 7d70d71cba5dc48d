"""Decisions: a person says what became of an operation. Above a limit a second person has to approve it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from core.contract import Contract, Door, Effect, EffectKind, Record, Request, effect_of
from core.environment import Env
from core.money import exceeds
from core.operation import Operation
from core.settings import prices

APPLY_STEP = "apply"
APPLIED = EffectKind("decision", "decisions applied", Record.NONE)
WAYS = ("confirm", "decline", "retry", "refund")
"""What may be decided, as `quittance review` has it."""
NOT_REVIEWABLE, CHANGED = "not_reviewable", "changed_since"


@dataclass(frozen=True)
class DecisionRequest(Request):
    """about: the id of the operation; way: one of WAYS; reason: why, kept in the history of the operation.

    stuck: the steps that it is about, see `stuck_steps`: it is applied only while they are the same.
    requested_by, decided_by: ids of callers; decided_by is None while it waits, and for what needs no approval.
    rejected: what the second person decided; rejection: why.
    """

    about: str
    way: str
    reason: str
    stuck: Mapping[str, int]
    requested_by: str
    decided_by: str | None = None
    rejected: bool = False
    rejection: str | None = None


def effects(operation: Operation) -> Iterator[Effect]:
    return effect_of(operation, APPLY_STEP, APPLIED)


def stuck_steps(operation: Operation) -> dict[str, int]:
    """Returns the steps that were begun and have not ended, with the number of their attempts."""
    found = {name: record for name, record in operation.steps.items() if not record.ended}
    return {name: record.attempts for name, record in found.items() if record.attempts or record.begun_at}


def mark(decision: str) -> str:
    """What the history of the other operation says of a decision: it is applied once."""
    return f"decision {decision}"


@dataclass(frozen=True)
class DecisionsSettings:
    """decision_limits: the largest amounts about which one person decides alone, one for each currency."""

    decision_limits: list[str]

    @classmethod
    def read(cls, env: Env) -> Self:
        return cls(env.list("DECISION_LIMITS", ["100000 XOF"], validate=prices))

    def needs_approval(self, minor: int, currency: str) -> bool:
        """Returns whether a second person has to approve: always, in a currency without a limit."""
        return exceeds(self.decision_limits, minor, currency)


DECISIONS = Contract("decision", DecisionRequest, frozenset({Door.HTTP}), (APPLIED,), effects)
CONTRACTS = (DECISIONS,)
SETTINGS = (DecisionsSettings,)
