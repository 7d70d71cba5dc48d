"""Look-ups of fines: what the registry says is owed for a phone or a plate, or of one number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.contract import Contract, Door, Effect, EffectKind, Record, Request, effect_of
from core.operation import Operation
from core.steps import StepState

LOOKUP_STEP = "look-up"
LOOKED_UP = EffectKind("fine_look_up", "fines looked up", Record.NONE)
MAX_LISTED = 50
"""How many fines of one answer are kept. A payment has no more."""


@dataclass(frozen=True)
class FineLookup(Request):
    """One of the three is given. msisdn: E.164; plate: letters and digits; id: the number of a fine."""

    msisdn: str | None = None
    plate: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class ListedFine:
    """A fine as the registry describes it.

    amount: minor units; status: due, paid or cancelled; issued: the day, as the registry writes it.
    reason, issued, plate: "" where the registry does not say them.
    """

    id: str
    amount: int
    currency: str
    status: str
    reason: str = ""
    issued: str = ""
    plate: str = ""

    @property
    def is_due(self) -> bool:
        return self.status == "due"


def plate_of(text: str) -> str:
    """A vehicle's plate, however it is spelled."""
    return "".join(filter(str.isalnum, text.upper()))


def listed(operation: Operation) -> Sequence[ListedFine] | None:
    """The fines that the registry has named; none if there are none, and None while it has not answered."""
    record = operation.step(LOOKUP_STEP)
    if record.state is not StepState.DONE:
        return None
    found: Sequence[dict[str, Any]] = record.result["fines"]
    return [ListedFine(**fine) for fine in found]


def effects(operation: Operation) -> Iterator[Effect]:
    return effect_of(operation, LOOKUP_STEP, LOOKED_UP)


FINE_LOOKUP = Contract("fine_lookup", FineLookup, frozenset({Door.HTTP}), (LOOKED_UP,), effects)
