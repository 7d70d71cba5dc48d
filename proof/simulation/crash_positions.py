"""Kills a worker at every named position of every step of a product; another worker then ends the operation.

Steps and their undos are read from the processes: a new product is covered without a new test.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from core.contract import Record
from core.installed import DEFAULT, Installed
from core.operation import Status
from core.steps import StepState
from core.store.memory import MemoryStore
from core.store.port import Document
from proof.simulation.chance import Crash
from proof.simulation.command import scenarios
from proof.simulation.operators import GENERIC, MANNERS
from proof.simulation.scripted import Script, ScriptedWorld
from proof.simulation.summary import Summary
from worker.partners.port import Reply
from worker.process import Step

POSITIONS = (
    "before the intent is saved",
    "after the intent is saved",
    "before the call",
    "after the call",
    "before the result is saved",
    "after the result is saved",
)
LONGEST = timedelta(days=2)
"""Longer than an operation waits until it needs a person."""
DECLINED_AT = (None, 0, 1, 2)
"""Which decision of the partners is a refusal, counted from 0; None for no refusal. Refusals make the undos run."""


@dataclass
class Death:
    """Kills the worker once, at a position of a step.

    passed: every step and position that was reached, in order.
    """

    step: str = ""
    position: str = ""
    happened: bool = False
    passed: dict[tuple[str, str], None] = field(default_factory=dict)

    def at(self, step: str, position: str) -> None:
        self.passed[step, position] = None
        if (step, position) == (self.step, self.position) and not self.happened:
            self.happened = True
            raise Crash


class DyingStore(MemoryStore):
    """A store whose writes are positions: a document shows which intents or results are saved with it."""

    death: Death

    def replace(self, collection: str, document: Document) -> Document:
        saves = list(self._saves(document)) if collection == "operations" else []
        for step, what in saves:
            self.death.at(step, f"before the {what} is saved")
        saved = super().replace(collection, document)
        for step, what in saves:
            self.death.at(step, f"after the {what} is saved")
        return saved

    def _saves(self, document: Document) -> Iterator[tuple[str, str]]:
        before = self.get("operations", document["id"]) or document
        stuck = document["status"] == "needs_review" != before["status"]
        for step, record in document["steps"].items():
            old = before["steps"].get(step, {})
            if record["state"] != old.get("state") or (stuck and record != old):
                yield step, "intent" if record["state"] == StepState.SUBMITTED and not stuck else "result"


class DyingWorld(ScriptedWorld):
    """A world whose workers may die before or after a call."""

    def __init__(self, script: Script, death: Death, installed: Installed) -> None:
        store = DyingStore(installed.collections)
        store.death = death
        super().__init__(script, store, installed)
        self._death = death

    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        self._death.at(step.name, "before the call")
        reply = call()
        self._death.at(step.name, "after the call")
        return reply


@dataclass(frozen=True)
class CrashCase:
    """Where a worker dies.

    kind: of the operation.
    declined_at: which decision of the partners is a refusal; None for no refusal.
    manner: of the mobile-money operator.
    """

    kind: str
    declined_at: int | None
    step: str
    position: str
    manner: str = GENERIC

    def __str__(self) -> str:
        manner = "" if self.manner == GENERIC else f", operator {self.manner}"
        return f"{self.kind}{manner}, refusal {self.declined_at}: {self.position}: {self.step}"


def crash_cases(kind: str, installed: Installed = DEFAULT) -> list[CrashCase]:
    """Returns a case for every position of an operation of this kind, for each refusal that it can get.

    A kind that moves money at an operator has the cases of every manner that operators have.
    """
    at_operator = any(kind.record is Record.STATEMENT for kind in installed.contracts[kind].effect_kinds)
    return [
        CrashCase(kind, declined_at, step, position, manner)
        for manner in (GENERIC, *(MANNERS if at_operator else ()))
        for declined_at in DECLINED_AT
        for step, position in positions_of(kind, declined_at, installed, manner)
    ]


def positions_of(
    kind: str, declined_at: int | None, installed: Installed = DEFAULT, manner: str = GENERIC
) -> list[tuple[str, str]]:
    """Returns the steps and positions that an operation passes when no worker dies; [] if there is no such decision."""
    death = Death()
    summary = live(kind, declined_at, death, installed, manner)
    return list(death.passed) if declined_at is None or summary.faults["declined"] else []


def crash(case: CrashCase, installed: Installed = DEFAULT) -> list[str]:
    """Kills a worker there. Returns what is wrong at the end: [] if the outcome is that of a run without a death.

    With an operator that cannot be asked by our id, an operation may also wait for a person: nobody else can know
    whether the request was sent.
    """
    death = Death(case.step, case.position)
    summary = live(case.kind, case.declined_at, death, installed, case.manner)
    whole = live(case.kind, case.declined_at, Death(), installed, case.manner)
    wrong = [] if death.happened else ["no worker died"]
    after, undisturbed = (_outcome(each) for each in (summary, whole))
    askable = case.manner == GENERIC or MANNERS[case.manner].asked_by == "ours"
    waits = not askable and set(summary.statuses) == {Status.NEEDS_REVIEW}
    if after != undisturbed and not waits:
        wrong.append(f"ended as {after} instead of {undisturbed}")
    return wrong + summary.why


def live(
    kind: str, declined_at: int | None, death: Death, installed: Installed = DEFAULT, manner: str = GENERIC
) -> Summary:
    """Runs one operation of this kind, and returns the summary of its world."""
    world = DyingWorld(Script(declined_at, manner), death, installed)
    scenario = scenarios(installed)[kind](world, 1)
    world.live(LONGEST)
    return scenario.summarize()


def _outcome(summary: Summary) -> tuple[dict[str, int], int, int]:
    return dict(summary.statuses), summary.debited, summary.refunded
