"""The simulation catches every mistake that is planted in how people are notified of an end."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

import products.messages.contract as contract_module
import products.messages.process as sms_module
from core.accept import Accepted, Command, accept
from core.errors import StoreUnavailable
from core.operation import Operation
from products.messages.contract import SmsNotifier
from proof.simulation.command import simulate_world

WORLDS = 40
PAYMENTS = 40


def notify_under_a_fresh_key(patch: pytest.MonkeyPatch) -> None:
    def anew(store: Any, broker: Any, clock: Any, command: Command, ids: Any) -> Accepted:
        return accept(store, broker, clock, replace(command, repeatable=True), ids)

    patch.setattr(contract_module, "accept", anew)


def send_before_the_end(patch: pytest.MonkeyPatch) -> None:
    class Hasty(Operation):
        terminal = property(lambda self: True)

    patch.setattr(sms_module, "Operation", Hasty)


def save_an_end_of_which_nobody_was_notified(patch: pytest.MonkeyPatch) -> None:
    right = SmsNotifier.ended

    def careless(self: SmsNotifier, operation: Operation) -> None:
        with suppress(StoreUnavailable):
            right(self, operation)

    patch.setattr(SmsNotifier, "ended", careless)


@pytest.mark.parametrize(
    ("mistake", "account"),
    [
        (notify_under_a_fresh_key, "double"),
        (send_before_the_end, "unexplained"),
        (save_an_end_of_which_nobody_was_notified, "lost"),
    ],
)
def test_a_mistake_in_notifying_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], account: str
) -> None:
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(simulate_world("sms", True, f"mistake/{number}", PAYMENTS), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
