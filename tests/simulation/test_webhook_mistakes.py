"""The simulation catches every mistake that is planted in how clients' systems get their events."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

import products.webhooks.process as process_module
from core.contract import Contract
from core.operation import Operation
from products.webhooks.contract import DELIVER_STEP, WEBHOOK, Delivery
from products.webhooks.endpoints import Endpoint, Endpoints
from proof.simulation.command import simulate_world
from worker.engine import Engine
from worker.partners.port import Confirmed

WORLDS = 20
PAYMENTS = 20


def rebuild_the_body_for_each_attempt(patch: pytest.MonkeyPatch) -> None:
    class Rebuilding(Contract[Delivery]):
        def read(self, operation: Operation) -> Delivery:
            request = super().read(operation)
            body = json.loads(request.body)
            body["data"]["version"] += operation.step(DELIVER_STEP).attempts
            return replace(request, body=json.dumps(body))

    patch.setattr(process_module, "WEBHOOK", Rebuilding(**{name: getattr(WEBHOOK, name) for name in vars(WEBHOOK)}))


def take_what_was_announced_for_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(process_module, "_judge", lambda *_: Confirmed())


def sign_with_the_secret_of_another_endpoint(patch: pytest.MonkeyPatch) -> None:
    right = Endpoints.get

    def wrong(self: Endpoints, id: str) -> Endpoint | None:
        found = right(self, id)
        return replace(found, secrets=self.of(found.owner)[0].secrets) if found else None

    patch.setattr(Endpoints, "get", wrong)


def announce_after_the_save(patch: pytest.MonkeyPatch) -> None:
    right, waiting = Engine.advance, list[Mapping[str, Any]]()

    def later(self: Engine, saved: Operation, operation: Operation) -> None:
        if operation.moves() != saved.moves():
            waiting.append({"before": saved, "after": operation})

    def advance(self: Engine, id: str) -> None:
        waiting.clear()
        right(self, id)
        for each in [*waiting]:
            self.announce(each["before"], each["after"])

    patch.setattr(Engine, "_announce", later)
    patch.setattr(Engine, "advance", advance)


@pytest.mark.parametrize(
    ("mistake", "account"),
    [
        (rebuild_the_body_for_each_attempt, "unexplained"),
        (take_what_was_announced_for_sent, "lost"),
        (sign_with_the_secret_of_another_endpoint, "unexplained"),
        (announce_after_the_save, "lost"),
    ],
)
def test_a_mistake_in_webhooks_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], account: str
) -> None:
    assert not getattr(simulate_world("webhook", True, "mistake/0", PAYMENTS), account)
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(simulate_world("webhook", True, f"mistake/{number}", PAYMENTS), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
