"""A worker dies, or is paused for long, at every verb of the store that a step calls, and others go on.

Steps and verbs are taken from the products themselves: claims, holds and the ledger alike.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from simulation.scripted import Script, ScriptedWorld

from core.store.port import Store
from ops.simulation.chance import Crash
from ops.simulation.command import TOWNS
from ops.simulation.reckoning import Reckoning
from ops.simulation.town import Town
from ops.simulation.wallet_town import WalletTown
from worker.partners.port import Reply
from worker.process import Step

DECLINED_AT = (None, 0, 1)
INCOME = 5000
"""More than any payment asks for."""

Verb = Callable[[], Any]
Interruption = Callable[["InterruptedWorld", Verb], Any]
"""What becomes of a worker that is about to call this verb."""


class StoreOfSteps:
    """Has every verb that a step calls pass by the world."""

    def __init__(self, store: Store, world: "InterruptedWorld") -> None:
        self._store = store
        self._world = world

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        def verb(*args: Any, **kwargs: Any) -> Any:
            world, call = self._world, partial(real, *args, **kwargs)
            return world.passes(name, call) if world.step else call()

        return verb


class InterruptedWorld(ScriptedWorld):
    """interruptions: each with the number of the verb that it comes at, counted from 0 after the one before it."""

    def __init__(self, product: str, declined_at: int | None, *interruptions: tuple[int, Interruption]) -> None:
        super().__init__(Script(declined_at))
        self.step: str | None = None
        self.passed: list[tuple[str, str]] = []
        """The step and the verb, since the last interruption."""
        self.coming = list(interruptions)
        self.town: Town = TOWNS[product](self, 1)
        self.store = StoreOfSteps(self.store, self)

    def reckon(self) -> Reckoning:
        self.live(timedelta(hours=1))
        return self.town.reckon()

    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        outside, self.step = self.step, step.name
        try:
            return call()
        finally:
            self.step = outside

    def passes(self, name: str, verb: Verb) -> Any:
        self.passed.append((str(self.step), name))
        if not self.coming or self.coming[0][0] != len(self.passed) - 1:
            return verb()
        interruption = self.coming.pop(0)[1]
        self.passed = []
        return interruption(self, verb)

    def others_go_on(self, income: int = 0) -> None:
        """Until one of them is interrupted as well, or all has ended. income: what everybody is given first."""
        outside, self.step = self.step, None
        due = len(self.coming)
        for person in self.town.people if isinstance(self.town, WalletTown) and income else ():
            self.town.give(person, income)
        while len(self.coming) == due and self._next_due():
            self.live(timedelta(seconds=1))
        self.step = outside


def dies_before(world: InterruptedWorld, verb: Verb) -> Any:
    raise Crash


def dies_after(world: InterruptedWorld, verb: Verb) -> Any:
    verb()
    raise Crash


def is_paused(world: InterruptedWorld, verb: Verb) -> Any:
    world.others_go_on()
    return verb()


def is_paused_while_money_comes_in(world: InterruptedWorld, verb: Verb) -> Any:
    world.others_go_on(INCOME)
    return verb()


def whole(product: str, declined_at: int | None) -> tuple[Reckoning, list[tuple[str, str]]]:
    """What it comes to when nobody is interrupted, and the verbs that steps call in it."""
    world = InterruptedWorld(product, declined_at)
    return world.reckon(), world.passed


HOLDING = {product for product, town in TOWNS.items() if getattr(town, "moved", (0,))[0]}
"""Those whose fate depends on what is in a wallet."""
STORIES = [
    (product, declined_at)
    for product in TOWNS
    for declined_at in DECLINED_AT
    if declined_at is None or whole(product, declined_at)[0].faults["declined"]
]
CASES = [
    pytest.param(
        product,
        declined_at,
        number,
        how,
        id=f"{product}, refusal {declined_at}: {how.__name__} {number}: {verb} in {step}",
    )
    for product, declined_at in STORIES
    for number, (step, verb) in enumerate(whole(product, declined_at)[1])
    for how in (dies_before, dies_after, is_paused)
    if verb != "get" or how is is_paused
]


PAUSES = [
    (product, declined_at, pause)
    for product, declined_at in STORIES
    for pause in (is_paused, is_paused_while_money_comes_in)
    if pause is is_paused or (product in HOLDING and declined_at is not None)
]


@pytest.mark.parametrize(("product", "declined_at", "number", "how"), CASES)
def test_whoever_is_interrupted_there_is_followed_by_one_that_goes_on(
    product: str, declined_at: int | None, number: int, how: Interruption
) -> None:
    world = InterruptedWorld(product, declined_at, (number, how))
    reckoning = world.reckon()
    assert not world.coming
    assert reckoning.why == []
    expected = whole(product, declined_at)[0]
    assert (reckoning.statuses, reckoning.debited, reckoning.settled, reckoning.refunded) == (
        expected.statuses,
        expected.debited,
        expected.settled,
        expected.refunded,
    )


@pytest.mark.parametrize(("product", "declined_at", "pause"), PAUSES)
def test_whoever_is_paused_while_another_one_dies_does_no_harm(
    product: str, declined_at: int | None, pause: Interruption
) -> None:
    """At every verb of the one, and at every verb of the other that goes on in the meantime."""
    for first in range(len(whole(product, declined_at)[1])):
        for second in count():
            world = InterruptedWorld(product, declined_at, (first, pause), (second, dies_before))
            assert world.reckon().why == [], (first, second)
            if world.coming:
                break
        assert second
