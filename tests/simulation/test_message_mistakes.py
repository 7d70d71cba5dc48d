"""The simulation catches every mistake that is planted in how an end is told."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

import ops.simulation.world as world_module
import worker.processes.sms as sms_module
from core.accept import Accepted, Order, accept
from core.errors import StoreUnavailable
from core.operation import Operation
from ops.simulation.command import simulate_world

WORLDS = 40
PAYMENTS = 40


def announce_under_a_fresh_key(patch: pytest.MonkeyPatch) -> None:
    def anew(store: Any, broker: Any, clock: Any, order: Order, ids: Any) -> Accepted:
        return accept(store, broker, clock, replace(order, repeatable=True), ids)

    patch.setattr(sms_module, "accept", anew)


def send_before_the_end(patch: pytest.MonkeyPatch) -> None:
    class Hasty(Operation):
        terminal = property(lambda self: True)  # type: ignore[assignment]

    patch.setattr(sms_module, "Operation", Hasty)


def save_an_end_that_was_not_announced(patch: pytest.MonkeyPatch) -> None:
    right = world_module.announce

    def careless(*args: Any) -> None:
        with suppress(StoreUnavailable):
            right(*args)

    patch.setattr(world_module, "announce", careless)


@pytest.mark.parametrize(
    ("mistake", "account"),
    [
        (announce_under_a_fresh_key, "double"),
        (send_before_the_end, "unexplained"),
        (save_an_end_that_was_not_announced, "lost"),
    ],
)
def test_a_mistake_in_telling_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], account: str
) -> None:
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(simulate_world("sms", True, f"mistake/{number}", PAYMENTS), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
