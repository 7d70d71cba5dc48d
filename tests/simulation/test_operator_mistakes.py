"""The simulation catches every mistake that is planted in how operators of any manner are spoken to."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

import worker.mobile_money as steps_module
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from proof.simulation.command import simulate_world
from proof.simulation.operators import MANNERS
from proof.simulation.summary import Summary
from worker import decide
from worker.decide import Verb
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed
from worker.process import Repeatable, Step

WORLDS = 30
PAYMENTS = 40


def live(seed: str, manner: str, product: str = "fine_payment") -> Summary:
    return simulate_world(product, True, seed, PAYMENTS, manner=manner)


@pytest.mark.parametrize("product", ["fine_payment", "wallet_top_up"])
@pytest.mark.parametrize("manner", MANNERS)
def test_operators_of_every_manner_debit_once(manner: str, product: str) -> None:
    summary = live(f"manner/{manner}", manner, product)
    assert summary.why == []
    assert 0 < summary.statuses["succeeded"] <= summary.debited
    if MANNERS[manner].calls_back:
        assert sum(number for fault, number in summary.faults.items() if fault.startswith("callback"))


def send_again_what_cannot_be_asked_about(patch: pytest.MonkeyPatch) -> None:
    right = decide._verb

    def wrong(step: Step, record: StepRecord, status: Status) -> Verb:
        verb = right(step, record, status)
        return Verb.SUBMIT if verb is Verb.LISTEN and record.doubt_since else verb

    patch.setattr(decide, "_verb", wrong)


def believe_any_callback(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("core.callbacks.hmac.compare_digest", lambda *_: True)


def believe_a_callback_about_another_amount(patch: pytest.MonkeyPatch) -> None:
    right = steps_module._heard

    def wrong(operator: Any, service: Any, demand: Demand) -> Any:
        bodies = operator.heard(demand.reference)
        return Confirmed() if any(body["state"] == "done" for body in bodies) else right(operator, service, demand)

    patch.setattr(steps_module, "_heard", wrong)


def ask_without_their_id(patch: pytest.MonkeyPatch) -> None:
    def wrong(step: Step, record: StepRecord, status: Status) -> Verb:
        sent = record.state is StepState.SUBMITTED and not isinstance(step.recovery, Repeatable)
        return Verb.ENQUIRE if sent else Verb.SUBMIT

    patch.setattr(decide, "_verb", wrong)


def forget_what_the_debit_gave(patch: pytest.MonkeyPatch) -> None:
    right = decide._ended

    def wrong(operation: Operation, step: Step, state: StepState, reply: Any) -> Operation:
        ended = right(operation, step, state, reply)
        return ended.with_step(step.name, replace(ended.step(step.name), result={}))

    patch.setattr(decide, "_ended", wrong)


def forget_the_token_of_the_first_call(patch: pytest.MonkeyPatch) -> None:
    other = count()
    patch.setattr(steps_module, "preparation", lambda name: f"{name}:prepare:{next(other) // 2}")


@pytest.mark.parametrize(
    ("mistake", "manner", "account"),
    [
        (send_again_what_cannot_be_asked_about, "cannot be asked", "double"),
        (send_again_what_cannot_be_asked_about, "asked by their id only", "double"),
        (believe_any_callback, "cannot be asked", "unexplained"),
        (believe_a_callback_about_another_amount, "cannot be asked", "unexplained"),
        (ask_without_their_id, "asked by their id only", "unexplained"),
        (forget_what_the_debit_gave, "asked by our id", "unexplained"),
        (forget_the_token_of_the_first_call, "two calls", "unexplained"),
    ],
)
def test_a_planted_mistake_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], manner: str, account: str
) -> None:
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(live(f"mistake/{number}", manner), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
