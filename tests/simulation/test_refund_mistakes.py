"""The simulation catches every mistake that is planted in how payments are given back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import core.given_back as parts_module
import products.refunds.process as process_module
from core.given_back import Part, PartState
from core.operation import Operation
from products.refunds.contract import REFUND_KIND
from products.refunds.process import Parts
from proof.simulation.command import simulate_world
from worker.partners.port import Confirmed, Reply

WORLDS, PAYMENTS = 20, 40


def take_without_looking_at_what_is_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parts_module, "check", lambda *_: None)


def put_the_part_back_for_good(patch: pytest.MonkeyPatch) -> None:
    """A released part is forgotten: a paused worker can take it again."""
    right = parts_module._with

    def forgetting(operation: Operation, refund: str, part: Part) -> Operation:
        return operation if part.state is PartState.RELEASED else right(operation, refund, part)

    patch.setattr(parts_module, "_with", forgetting)


def put_back_what_may_have_moved(patch: pytest.MonkeyPatch) -> None:
    """The part is put back as soon as the operator's answer is not usable."""

    def take(self: Parts, refund: Operation) -> Reply:
        reply = right(self, refund)
        self.put_back(refund)
        return reply

    right = Parts.take
    patch.setattr(Parts, "take", take)


def reopen_without_giving_back(patch: pytest.MonkeyPatch) -> None:
    """The fines are reopened, whether the phone got its money or not."""
    right = process_module._return

    def nothing(*arguments: object) -> object:
        step = right(*arguments)  # type: ignore[arg-type]
        return replace(step, submit=lambda _: Confirmed())

    patch.setattr(process_module, "_return", nothing)


def leave_the_rest_to_nobody(patch: pytest.MonkeyPatch) -> None:
    """The refund with the last of the money gives back the items alone that it has named."""
    patch.setattr(parts_module, "is_given", lambda *_: True)


def reopen_for_less_than_it_costs(patch: pytest.MonkeyPatch) -> None:
    """Every refund reopens all items of its payment."""
    patch.setattr(process_module, "given_items", lambda operation: REFUND_KIND.read(operation).payment_items)


@pytest.mark.parametrize(
    "mistake",
    [
        take_without_looking_at_what_is_left,
        put_the_part_back_for_good,
        put_back_what_may_have_moved,
        reopen_without_giving_back,
        leave_the_rest_to_nobody,
        reopen_for_less_than_it_costs,
    ],
)
def test_a_mistake_in_refunds_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert not simulate_world("refund", True, "mistake/0", PAYMENTS).why
    mistake(monkeypatch)
    for number in range(WORLDS):
        if simulate_world("refund", True, f"mistake/{number}", PAYMENTS).why:
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
