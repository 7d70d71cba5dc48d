"""A worker dies at every position of every step of every product; the next one brings the operation to its end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.installed import DEFAULT
from products.webhooks.scenario import Receiver
from proof.simulation.command import scenarios
from proof.simulation.crash_positions import DECLINED_AT, POSITIONS, CrashCase, crash, crash_cases, positions_of
from proof.simulation.operators import SimulatedOperator
from proof.simulation.partner import SimulatedPartner
from proof.simulation.scripted import Script, ScriptedWorld
from worker.partners.port import Reply
from worker.process import Step

SCENARIOS = scenarios(DEFAULT)
CASES = [case for kind in SCENARIOS for case in crash_cases(kind)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_worker_that_dies_there_is_followed_by_one_that_goes_on(case: CrashCase) -> None:
    assert crash(case) == []


def test_the_cases_cover_undos_and_every_position() -> None:
    steps = {case.step for case in CASES}
    assert {"refund", "release"} <= steps
    assert {case.position for case in CASES} == set(POSITIONS)
    assert len(CASES) > 60


@pytest.mark.parametrize("product", SCENARIOS)
def test_every_step_comes_by_every_position_but_the_intent_of_those_that_save_none(product: str) -> None:
    cases = positions_of(product, None)
    by_step = {step: {position for name, position in cases if name == step} for step, _ in cases}
    inline, look_ups = {"publish", "check", "wait", "approval"}, {"verify", "blacklist"}
    if product in ("wallet_transfer", "wallet_withdrawal"):
        inline.add("settle")  # nothing but the hold comes before it
    without_intent = {position for position in POSITIONS if "intent" not in position}
    for step, positions in by_step.items():
        if step in look_ups or step.startswith("check:"):
            assert positions in (without_intent, set(POSITIONS))  # with one where a deferral has ended the lease
        else:
            assert positions == (without_intent if step in inline else set(POSITIONS))


@pytest.mark.parametrize("product", SCENARIOS)
@pytest.mark.parametrize("declined_at", DECLINED_AT)
def test_every_call_of_a_partner_is_admitted_by_its_breaker(
    monkeypatch: pytest.MonkeyPatch, product: str, declined_at: int | None
) -> None:
    exchange, refused, post = SimulatedPartner.exchange, SimulatedOperator._refused, Receiver.post
    wrong: list[str] = []
    calls: list[tuple[Any, ...]] = []

    def counted(self: SimulatedPartner, *args: Any) -> Any:
        calls.append(args)
        return exchange(self, *args)

    class Watched(ScriptedWorld):
        def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
            before = len(calls)
            reply = call()
            if (step.breaker is not None) != (len(calls) > before):
                wrong.append(step.name)
            return reply

    def counted_operator(self: SimulatedOperator) -> Any:
        calls.append(())
        return refused(self)

    def counted_receiver(self: Receiver, *args: Any) -> Any:
        calls.append(args)
        return post(self, *args)

    monkeypatch.setattr(Receiver, "post", counted_receiver)
    monkeypatch.setattr(SimulatedPartner, "exchange", counted)
    monkeypatch.setattr(SimulatedOperator, "_refused", counted_operator)
    world = Watched(Script(declined_at))
    scenario = SCENARIOS[product](world, 1)
    world.live(timedelta(hours=1))
    assert wrong == []
    calling = bool(scenario.partners) or product == "payer_check"
    assert bool(calls) == calling or declined_at is not None
