"""What a product is to the engine: its steps, in order, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.operation import Operation
from worker.partners.guard import Guard
from worker.partners.port import REFERENCE_CONFLICT, Reply

BEFORE_MONEY_S = 5 * 60
"""How long an unavailable partner is waited for while nothing was taken: the payer still looks at his phone."""
AFTER_MONEY_S = 24 * 3600
"""And when money has moved: giving up means a person's work, so a day of outage is sat out."""
FOR_EVER_S = 10 * 365 * 24 * 3600
"""What is owed is never given up."""


@dataclass(frozen=True)
class Step:
    """One call that takes an operation further.

    name: unique in the process; with the operation's id it makes the reference.
    label: what it does, told to people.
    submit: does it for the operation as it is then, or asks a partner to. Called again only when it is known not to
        have happened, and with the same effect.
    enquire: asks what became of the reference. None for a step that may be repeated freely, because it has no effect
        elsewhere (a look-up) or repeats into the same effect (a write to our own store).
    guard: that of the partner it calls; None when that is nobody but our own store.
    undo: the step that gives back what this one took.
    part: the operation goes on without it when it is declined, and ends as partially succeeded.
    moves_money: once it is done, nothing is given up without a person.
    brief: it may be repeated freely and takes a moment: where a ring goes to one worker, no intent is saved before it.
    owed: it has to be done: what is refused is for a person to decide, not given up.
    first_retry_s: after how long an unavailable partner is first tried again; then this doubles each time.
    deadline_s: how long after its first attempt an unavailable partner is tried again.
    echoes: refusals that, on a repeated attempt, may be the echo of our own earlier one.
    """

    name: str
    label: str
    submit: Callable[[Operation], Reply]
    enquire: Callable[[str], Reply] | None = None
    guard: Guard | None = None
    undo: "Step | None" = None
    part: bool = False
    moves_money: bool = False
    brief: bool = False
    owed: bool = False
    first_retry_s: float = 1
    deadline_s: float = BEFORE_MONEY_S
    echoes: frozenset[str] = frozenset({REFERENCE_CONFLICT})


Stages = tuple[tuple[Step, ...], ...]
"""Stages run one after the other; the steps of one stage are independent of each other and run at once."""


@dataclass(frozen=True)
class Process:
    """A kind of operation, and how its stages follow from what was asked (never from what has happened since)."""

    kind: str
    stages: Callable[[Operation], Stages]


Processes = Mapping[str, Process]
