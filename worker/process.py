"""A product as the engine sees it: its steps, in order, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from core.operation import Operation
from worker.partners.breaker import Breaker
from worker.partners.port import REFERENCE_CONFLICT, Reply


class Refusal(Enum):
    """What follows when a step is declined, or its partner is unavailable until the deadline."""

    UNDO = "undo"  # the steps done before it are undone, and the operation fails
    SKIP = "skip"  # the operation continues without it, and ends as partially succeeded
    REVIEW = "review"  # a person decides


@dataclass(frozen=True)
class Obligation:
    """What a refusal of a step means, and how long it is retried.

    refusal: what follows when the step is declined.
    deadline_s: how long after the first attempt an unavailable partner is retried, in seconds.
    """

    refusal: Refusal
    deadline_s: float

    def within(self, seconds: float) -> "Obligation":
        """Returns this obligation with another deadline, in seconds."""
        return replace(self, deadline_s=seconds)


BEFORE_MONEY_S = 5 * 60
"""No money was taken yet, and the payer is still waiting at the phone."""
AFTER_MONEY_S = 24 * 3600
"""Money has moved: giving up costs a person's work, so the step is retried through a day of outage."""
FOREVER_S = 10 * 365 * 24 * 3600

REQUIRED = Obligation(Refusal.UNDO, BEFORE_MONEY_S)
"""The operation fails without it."""
OPTIONAL = Obligation(Refusal.SKIP, AFTER_MONEY_S)
"""The operation continues without it."""
OWED = Obligation(Refusal.REVIEW, FOREVER_S)
"""Only a person may give it up."""


@dataclass(frozen=True)
class Repeatable:
    """The call has no effect elsewhere (a look-up), or always the same effect (a write to our own store).

    After an unknown outcome it is made again.
    """


@dataclass(frozen=True)
class Enquirable:
    """The partner can be asked by our reference.

    ask: asks for the status of the reference. When it is NotFound after the settle window, the call is made again.
    """

    ask: Callable[[Operation], Reply]


@dataclass(frozen=True)
class Unaskable:
    """The partner does not know our reference. After an unknown outcome the call is never made again.

    The outcome comes from a callback, from asking by the partner's own id where its answer arrived, or from a person.

    hear: returns what callbacks say, without calling the partner: Unknown when none has come.
    ask: asks by the partner's own id; None when that is not possible either.
    id_key: the key of the step's result that holds the partner's own id.
    """

    hear: Callable[[Operation], Reply]
    ask: Callable[[Operation], Reply] | None = None
    id_key: str = ""


Recovery = Repeatable | Enquirable | Unaskable
"""How the outcome of a call is found out after it is unknown."""
REPEATABLE = Repeatable()


@dataclass(frozen=True)
class Step:
    """One call that advances an operation.

    name: unique in the process; the reference is made of the operation's id and this name.
    label: what the step does, in timelines.
    submit: makes the call for the operation as it is now. Called again only when the earlier call surely had no effect,
        or when repeating it has the same effect.
    recovery: what follows when the outcome of the call is unknown.
    breaker: of the partner that the step calls; None when it calls only our own store.
    undo: the step that reverses this one.
    obligation: what a refusal means, and how long an unavailable partner is retried.
    moves_money: once the step is done, only a person may give up the operation.
    saves_intent: whether the intent is saved before the call. False only for a step that is safe to repeat and fast: it
        saves a write where a ring goes to one worker, and where a worker holds the operation.
    is_lookup: whether the call has no effect anywhere. A worker that holds the operation saves no intent for it; what
        was found is saved with the intent of the step that acts on it. For a fast one, nobody needs to hold it.
    first_retry_s: the wait before the first retry of an unavailable partner, in seconds; it doubles each time.
    retries_s: instead of that, the planned waits between attempts, in seconds; after the last one the step is declined.
    settle_window_s: how long after sending the partner may still apply the call; None for the policy's.
    names: returns what the partner calls this step, by where that is known from; see `core.operation_names`.
    is_needed: whether the step has anything to do. It is asked once the stages before have ended, and follows from what
        they have found: one that is not needed is passed over, and leaves no record.
    ambiguous_on_retry: codes of refusals that, on a repeated attempt, may mean that an earlier attempt succeeded.
    """

    name: str
    label: str
    submit: Callable[[Operation], Reply]
    recovery: Recovery
    breaker: Breaker | None = None
    undo: "Step | None" = None
    obligation: Obligation = REQUIRED
    moves_money: bool = False
    saves_intent: bool = True
    is_lookup: bool = False
    first_retry_s: float = 1
    retries_s: tuple[float, ...] | None = None
    settle_window_s: float | None = None
    names: Callable[[Operation], Mapping[str, str]] | None = None
    is_needed: Callable[[Operation], bool] = lambda _: True
    ambiguous_on_retry: frozenset[str] = frozenset({REFERENCE_CONFLICT})

    @property
    def optional(self) -> bool:
        return self.obligation.refusal is Refusal.SKIP


Stages = tuple[tuple[Step, ...], ...]
"""Stages run one after the other; the steps of one stage are independent of each other and run at once."""


@dataclass(frozen=True)
class Process:
    """The process of one kind of operation.

    stages: returns the stages of an operation. They follow from its request only, never from its progress.
    call_s: the longest of its calls, in seconds, if that is not a partner's timeout.
    """

    kind: str
    stages: Callable[[Operation], Stages]
    call_s: float = 0


Processes = Mapping[str, Process]
