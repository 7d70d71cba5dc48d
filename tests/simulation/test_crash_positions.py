"""A worker dies at every named position of every step of every product; the next one brings the operation to its end.

Products, steps and their undos are taken from the processes themselves: a new product is covered without a new test.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from simulation.scripted import Script, ScriptedWorld

from core.operation import StepState
from core.store.memory import MemoryStore
from core.store.port import Document
from ops.simulation.chance import Crash
from ops.simulation.command import TOWNS
from ops.simulation.partner import SimulatedPartner
from ops.simulation.reckoning import Reckoning
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
DECLINED_AT = (None, 0, 1, 2)
"""Which of the partners' decisions is a refusal, counted from 0: so that undos run too."""


@dataclass
class Death:
    """Kills the worker once, when it comes to a position of a step."""

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
    """Knows from a document which intent or result is saved with it."""

    death: Death

    def replace(self, collection: str, document: Document) -> Document:
        moments = list(self._moments(document)) if collection == "operations" else []
        for step, what in moments:
            self.death.at(step, f"before the {what} is saved")
        saved = super().replace(collection, document)
        for step, what in moments:
            self.death.at(step, f"after the {what} is saved")
        return saved

    def _moments(self, document: Document) -> Iterator[tuple[str, str]]:
        before = self.get("operations", document["id"]) or document
        stuck = document["status"] == "needs_review" != before["status"]
        for step, record in document["steps"].items():
            old = before["steps"].get(step, {})
            if record["state"] != old.get("state") or (stuck and record != old):
                yield step, "intent" if record["state"] == StepState.SUBMITTED and not stuck else "result"


class DyingWorld(ScriptedWorld):
    """Its workers may die around a call."""

    def __init__(self, script: Script, death: Death) -> None:
        store = DyingStore()
        store.death = death
        super().__init__(script, store)
        self._death = death

    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        self._death.at(step.name, "before the call")
        reply = call()
        self._death.at(step.name, "after the call")
        return reply


def live(product: str, declined_at: int | None, death: Death) -> Reckoning:
    """One payment and what it comes to."""
    world = DyingWorld(Script(declined_at), death)
    town = TOWNS[product](world, 1)
    world.live(timedelta(hours=1))
    return town.reckon()


def passed(product: str, declined_at: int | None) -> list[tuple[str, str]]:
    """The steps and positions that such a payment comes by when nobody dies; none when there is no such decision."""
    death = Death()
    reckoning = live(product, declined_at, death)
    return list(death.passed) if declined_at is None or reckoning.faults["declined"] else []


CASES = [
    pytest.param(product, declined_at, step, position, id=f"{product}, refusal {declined_at}: {position}: {step}")
    for product in TOWNS
    for declined_at in DECLINED_AT
    for step, position in passed(product, declined_at)
]


@pytest.mark.parametrize(("product", "declined_at", "step", "position"), CASES)
def test_a_worker_that_dies_there_is_followed_by_one_that_goes_on(
    product: str, declined_at: int | None, step: str, position: str
) -> None:
    death = Death(step, position)
    reckoning = live(product, declined_at, death)
    assert death.happened
    assert reckoning.why == []
    whole = live(product, declined_at, Death())
    assert (reckoning.statuses, reckoning.debited, reckoning.refunded) == (
        whole.statuses,
        whole.debited,
        whole.refunded,
    )


def test_the_cases_cover_undos_and_every_position() -> None:
    names = {str(case.id) for case in CASES}
    assert any("refund" in name for name in names)
    assert any("release" in name for name in names)
    assert len(CASES) > 60


@pytest.mark.parametrize("product", TOWNS)
def test_every_step_comes_by_every_position_but_the_intent_of_brief_ones(product: str) -> None:
    cases = passed(product, None)
    by_step = {step: {position for name, position in cases if name == step} for step, _ in cases}
    brief = {"publish", "check", "wait"}
    for step, positions in by_step.items():
        assert positions == {position for position in POSITIONS if step not in brief or "intent" not in position}


@pytest.mark.parametrize("product", TOWNS)
@pytest.mark.parametrize("declined_at", DECLINED_AT)
def test_every_call_of_a_partner_is_made_past_its_guard(
    monkeypatch: pytest.MonkeyPatch, product: str, declined_at: int | None
) -> None:
    exchange, wrong, calls = SimulatedPartner.exchange, [], []

    def counted(self: SimulatedPartner, *args: Any) -> Any:
        calls.append(args)
        return exchange(self, *args)

    class Watched(ScriptedWorld):
        def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
            before = len(calls)
            reply = call()
            if (step.guard is not None) != (len(calls) > before):
                wrong.append(step.name)
            return reply

    monkeypatch.setattr(SimulatedPartner, "exchange", counted)
    world = Watched(Script(declined_at))
    town = TOWNS[product](world, 1)
    world.live(timedelta(hours=1))
    assert wrong == []
    assert bool(calls) == bool(town.partners) or declined_at is not None
