"""Kills or pauses a worker at every store verb that a step calls, while the other workers continue.

Steps and verbs are found by running the products, so reservations, holds and the ledger are all covered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from core.installed import DEFAULT, Installed
from core.store.port import Document, Store
from core.turns import Turns
from proof.simulation.chance import Crash
from proof.simulation.command import scenarios
from proof.simulation.scenario import Scenario
from proof.simulation.scripted import Script, ScriptedWorld
from proof.simulation.summary import Summary
from proof.simulation.turns import SimulatedTurns
from worker.partners.port import Reply
from worker.process import Step

DECLINED_AT = (None, 0, 1)
INCOME_MINOR = 5000
"""In minor units; more than any payment."""

Verb = Callable[[], Any]
Interruption = Callable[["InterruptedWorld", Verb], Any]
"""What happens to a worker that is about to call this verb."""


class StoreOfSteps:
    """A store that shows the world every verb that a step calls."""

    def __init__(self, store: Store, world: "InterruptedWorld") -> None:
        self._store = store
        self._world = world

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        def verb(*args: Any, **kwargs: Any) -> Any:
            world, call = self._world, partial(real, *args, **kwargs)
            return world.on_verb(name, call) if world.step else call()

        return verb

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, document in documents:
            self.insert(collection, document)


class InterruptedWorld(ScriptedWorld):
    """A world in which workers are interrupted. They are threads of one process: they share turns at wallets.

    interruptions: pairs of the number of a verb and what happens there. Verbs are counted from 0, and again from 0
        after each interruption.
    """

    def __init__(
        self,
        kind: str,
        declined_at: int | None,
        *interruptions: tuple[int, Interruption],
        installed: Installed = DEFAULT,
    ) -> None:
        super().__init__(Script(declined_at), installed=installed)
        self.step: str | None = None
        self.passed: list[tuple[str, str]] = []
        """The steps and verbs called since the last interruption."""
        self.coming = list(interruptions)
        self._turns = SimulatedTurns(self.chance, self.at_turn)
        self.scenario: Scenario = scenarios(installed)[kind](self, 1)
        self.store = StoreOfSteps(self.store, self)

    def summarize(self) -> Summary:
        self.live(timedelta(hours=1))
        return self.scenario.summarize()

    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        caller_step, self.step = self.step, step.name
        try:
            return call()
        finally:
            self.step = caller_step

    def on_verb(self, name: str, verb: Verb) -> Any:
        """Calls the verb, or lets the next interruption happen if this is its place."""
        self.passed.append((str(self.step), name))
        if not self.coming or self.coming[0][0] != len(self.passed) - 1:
            return verb()
        interruption = self.coming.pop(0)[1]
        self.passed = []
        return interruption(self, verb)

    def turns(self) -> Turns:
        return self._turns

    def at_turn(self, save: Callable[[], None]) -> None:
        if self.step:
            self.on_verb("turn", save)
        else:
            save()

    def run_others(self, income: int = 0) -> None:
        """Lets the other workers run until one of them is interrupted too, or nothing is left to do.

        income: minor units that every wallet gets first.
        """
        caller_step, self.step = self.step, None
        due = len(self.coming)
        if income:
            self.scenario.give_income(income)
        while len(self.coming) == due and self._next_due():
            self.live(timedelta(seconds=1))
        self.step = caller_step


def dies_before(world: InterruptedWorld, verb: Verb) -> Any:
    raise Crash


def dies_after(world: InterruptedWorld, verb: Verb) -> Any:
    verb()
    raise Crash


def is_paused(world: InterruptedWorld, verb: Verb) -> Any:
    world.run_others()
    return verb()


def is_paused_while_money_comes_in(world: InterruptedWorld, verb: Verb) -> Any:
    world.run_others(INCOME_MINOR)
    return verb()


def undisturbed(
    kind: str, declined_at: int | None, installed: Installed = DEFAULT
) -> tuple[Summary, list[tuple[str, str]]]:
    """Returns the summary of a run without interruptions, and the steps and verbs called in it."""
    world = InterruptedWorld(kind, declined_at, installed=installed)
    return world.summarize(), world.passed


@dataclass(frozen=True)
class Interrupted:
    """A case: a worker is interrupted at the verb of this number.

    how: the interruption.
    where: the verb and the step, for people.
    """

    kind: str
    declined_at: int | None
    number: int
    how: Interruption
    where: str

    def __str__(self) -> str:
        return f"{self.kind}, refusal {self.declined_at}: {self.how.__name__} {self.number}: {self.where}"


def possible_refusals(kind: str, installed: Installed = DEFAULT) -> list[int | None]:
    """Returns the refusals that an operation of this kind can get; None stands for no refusal."""
    return [
        declined_at
        for declined_at in DECLINED_AT
        if declined_at is None or undisturbed(kind, declined_at, installed)[0].faults["declined"]
    ]


def interruption_cases(kind: str, installed: Installed = DEFAULT) -> list[Interrupted]:
    """Returns a case for every verb of every step, and every interruption there."""
    return [
        Interrupted(kind, declined_at, number, how, f"{verb} in {step}")
        for declined_at in possible_refusals(kind, installed)
        for number, (step, verb) in enumerate(undisturbed(kind, declined_at, installed)[1])
        for how in (dies_before, dies_after, is_paused)
        if verb != "get" or how is is_paused
    ]


def interrupt(case: Interrupted, installed: Installed = DEFAULT) -> list[str]:
    """Interrupts a worker there. Returns what is wrong at the end: [] if the outcome is that of an undisturbed run."""
    world = InterruptedWorld(case.kind, case.declined_at, (case.number, case.how), installed=installed)
    summary = world.summarize()
    wrong = ["no worker was interrupted"] if world.coming else []
    expected = undisturbed(case.kind, case.declined_at, installed)[0]
    after, before = (_outcome(each) for each in (summary, expected))
    if after != before:
        wrong.append(f"ended as {after} instead of {before}")
    return wrong + summary.why


def _outcome(summary: Summary) -> tuple[dict[str, int], int, int, int]:
    return dict(summary.statuses), summary.debited, summary.settled, summary.refunded
