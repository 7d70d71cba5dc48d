"""Payers who approve after another one has got their fine, simulated: each fine is settled once, for one debit."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.operation import Operation
from core.steps import StepRecord
from core.store.port import OPERATIONS, scan
from products.fines.contract import BEING_PAID, FINE_PAYMENT, TAKEN_OVER
from products.fines.scenario import FinesScenario
from proof.simulation.chance import Chance
from proof.simulation.summary import Summary
from proof.simulation.world import World
from worker.partners.port import Declined
from worker.reservations import Reservations

WORLDS = 12
PAYMENTS = 40


def live(number: int) -> tuple[Summary, list[StepRecord]]:
    """A world, and the steps of its payments."""
    world = World(Chance(f"late/{number}", faults=True))
    scenario = FinesScenario(world, PAYMENTS)
    world.live(timedelta(days=3))
    scenario.land()
    found = (Operation.from_document(each) for each in scan(world.store, OPERATIONS, {"kind": FINE_PAYMENT.kind}))
    return scenario.summarize(), [record for operation in found for record in operation.steps.values()]


@pytest.mark.slow
def test_a_fine_that_waits_for_a_late_payer_is_paid_by_another_and_the_late_money_goes_back() -> None:
    codes = set()
    for number in range(WORLDS):
        summary, records = live(number)
        assert summary.why == []
        codes |= {record.last_error for record in records}

    assert {BEING_PAID, TAKEN_OVER} <= codes


@pytest.mark.slow
def test_a_refund_that_a_worker_sends_after_a_long_read_of_the_store_is_made_once() -> None:
    summary, _ = live(32)

    assert summary.why == []


def settle_without_looking_again(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Reservations, operation: Operation, thing: str) -> Declined | None:
        return None

    patch.setattr(Reservations, "keep", wrong)


@pytest.mark.slow
def test_a_planted_mistake_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    settle_without_looking_again(monkeypatch)

    assert any(live(number)[0].double for number in range(WORLDS))


def ask_nobody_for_money(patch: pytest.MonkeyPatch) -> None:
    """Money does not decide: a holder without money keeps the fine from one that has it."""
    right = Reservations._goes_behind_money

    def wrong(self: Reservations, holder: str, thing: str) -> bool:
        document = self._store.get(OPERATIONS, holder)
        return right(self, holder, thing) and (document is None or Operation.from_document(document).terminal)

    patch.setattr(Reservations, "_goes_behind_money", wrong)


def rob_who_has_money(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reservations, "_goes_behind_money", lambda self, holder, thing: True)


@pytest.mark.slow
@pytest.mark.parametrize(("mistake", "account"), [(ask_nobody_for_money, "unexplained"), (rob_who_has_money, "double")])
def test_a_mistake_about_whose_money_decides_is_caught(
    mistake: Callable[[pytest.MonkeyPatch], None], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)

    assert any(getattr(live(number)[0], account) for number in range(3 * WORLDS))
