"""A worker dies, or is paused for long, at every verb of the store that a step calls, and others go on."""

from itertools import count

import pytest

from core.installed import DEFAULT
from proof.simulation.command import scenarios
from proof.simulation.interruptions import (
    Interrupted,
    InterruptedWorld,
    Interruption,
    dies_before,
    interrupt,
    interruption_cases,
    is_paused,
    is_paused_while_money_comes_in,
    possible_refusals,
    undisturbed,
)

SCENARIOS = scenarios(DEFAULT)
HOLDING = {kind for kind, scenario in SCENARIOS.items() if getattr(scenario, "moved", (0,))[0]}
"""Those whose outcome depends on what is in a wallet."""
CASES = [case for kind in SCENARIOS for case in interruption_cases(kind)]
PAUSES = [
    (kind, declined_at, pause)
    for kind in SCENARIOS
    for declined_at in possible_refusals(kind)
    for pause in (is_paused, is_paused_while_money_comes_in)
    if pause is is_paused or (kind in HOLDING and declined_at is not None)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_worker_that_is_interrupted_there_is_followed_by_one_that_goes_on(case: Interrupted) -> None:
    assert interrupt(case) == []


@pytest.mark.parametrize(("kind", "declined_at", "pause"), PAUSES)
def test_a_worker_that_is_paused_while_another_one_dies_does_no_harm(
    kind: str, declined_at: int | None, pause: Interruption
) -> None:
    """At every verb of the one, and at every verb of the other that goes on in the meantime."""
    for first in range(len(undisturbed(kind, declined_at)[1])):
        for second in count():
            world = InterruptedWorld(kind, declined_at, (first, pause), (second, dies_before))
            assert world.summarize().why == [], (first, second)
            if world.coming:
                break
        assert second
