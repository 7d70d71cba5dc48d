"""The simulation adds up, is the same for the same seed, and catches every mistake that is planted in the real code."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from click.testing import CliRunner

import proof.simulation.world as world_module
from core.installed import DEFAULT
from core.operation import Operation
from core.steps import StepState
from core.store.memory import MemoryStore
from core.store.port import Document
from devtools.stack import ROOT
from products.webhooks.contract import WEBHOOK
from products.webhooks.scenario import MESSAGES_EACH
from proof.simulation.command import scenarios, simulate, simulate_world
from proof.simulation.operators import GENERIC
from proof.simulation.summary import Summary
from worker import decide
from worker.engine import Engine
from worker.partners.port import Confirmed, Reply, Unknown
from worker.policy import SEND_WITHIN_S, Context
from worker.process import Stages
from worker.reservations import Reservations

SCENARIOS = scenarios(DEFAULT)
PRODUCT = "fine_payment"
WORLDS = 60
FAILED_ONCE = ["1/96", "2/163", "2026/273", "2/21"]
"""A status that came later than the settle window; a partner that lost sight of a request that it had; a worker paused
while it released a reservation; one paused while it refused a hold that the wallet could pay when it woke up. Worlds
change with the code, so each defect has a test of its own as well."""


def live(
    seed: str, payments: int = 40, faults: bool = True, product: str = PRODUCT, manner: str | None = None
) -> Summary:
    return simulate_world(product, faults, seed, payments, manner=manner)


@pytest.mark.parametrize("product", SCENARIOS)
@pytest.mark.parametrize(
    "seed", [*FAILED_ONCE, *(pytest.param(f"test/{number}", marks=pytest.mark.slow) for number in range(30))]
)
def test_a_world_with_all_faults_adds_up(product: str, seed: str) -> None:
    summary = live(seed, product=product)
    assert summary.why == []
    assert summary.accepted >= (40 // MESSAGES_EACH if product == WEBHOOK.kind else 40)
    assert summary.faults.total() >= 10
    # In a world of ten payments it may be that none succeeds; their events are delivered all the same.
    assert summary.statuses["webhook succeeded" if product == WEBHOOK.kind else "succeeded"] > 0
    assert summary.statuses["succeeded"] <= max(summary.debited, summary.settled)


def test_without_faults_nothing_is_refused_but_by_the_partners() -> None:
    summary = live("calm", faults=False)
    assert summary.why == []
    assert set(summary.faults) <= {"declined"}
    assert "needs_review" not in summary.statuses


@pytest.mark.slow
def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    code = (
        "from dataclasses import asdict; from proof.simulation.command import simulate_world;"
        f"print(asdict(simulate_world({PRODUCT!r}, True, 'same', 40)))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for number in range(2)
    }
    assert runs == {str(asdict(live("same")))}


def resubmit_on_unknown(patch: pytest.MonkeyPatch) -> None:
    right = decide._unresolved

    def wrong(context: Context, operation: Operation, step: Any, reply: Reply) -> Operation:
        if isinstance(reply, Unknown):
            waiting = replace(operation.step(step.name), state=StepState.WAITING, next_at=context.now)
            return operation.with_step(step.name, waiting)
        return right(context, operation, step, reply)

    patch.setattr(decide, "_unresolved", wrong)


def no_settle_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(world_module, "SETTLE_WINDOW_S", -SEND_WITHIN_S)


def save_without_version_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "_check", lambda self, collection, id, version: None)


def release_the_claim_too_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reservations, "_is_left", lambda self, holder, thing: True)


def ack_before_save(patch: pytest.MonkeyPatch) -> None:
    right = Engine._save_intent

    def wrong(self: Engine, stages: Stages, stored: Operation, operation: Operation, work: Any) -> Operation:
        saved = right(self, stages, stored, operation, work)
        # The ring is gone, and nothing in the document says that somebody has to come back.
        document: Document = self.store.replace("operations", {**saved.to_document(), "due_at": None})
        return replace(saved, version=document["version"])

    patch.setattr(Engine, "_save_intent", wrong)


def believe_every_success(patch: pytest.MonkeyPatch) -> None:
    right = decide.record

    def wrong(context: Context, operation: Operation, work: Any, reply: Reply) -> Operation:
        return right(context, operation, work, Confirmed() if isinstance(reply, Unknown) else reply)

    patch.setattr("worker.engine.record", wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "account"),
    [
        (resubmit_on_unknown, "double"),
        (no_settle_window, "double"),
        (save_without_version_check, "double"),
        (release_the_claim_too_early, "double"),
        (ack_before_save, "lost"),
        (believe_every_success, "unexplained"),
    ],
)
def test_a_planted_mistake_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], account: str
) -> None:
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(live(f"mistake/{number}", manner=GENERIC), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")


def test_the_command_reports_a_clean_run() -> None:
    done = CliRunner().invoke(simulate, ["--seed", "5", "--payments", "100"])
    assert done.exit_code == 0
    assert "payments a second" in done.output
    assert "unexplained" in done.output


SHARE = 4


@pytest.mark.slow
def test_the_readme_claims_no_more_than_the_command_shows() -> None:
    """As far as a quarter of it shows."""
    page = " ".join((ROOT / "README.md").read_text().split())
    claim = re.search(r"in ([\d,]+) payments workers died and paused more than ([\d,]+) times each", page)
    assert claim
    payments, times = (int(number.replace(",", "")) for number in claim.groups())
    done = CliRunner().invoke(simulate, ["--json", "--payments", str(payments // SHARE)])

    shown = json.loads(done.stdout)
    assert shown["accepted"] >= payments // SHARE
    assert (shown["double"], shown["lost"], shown["unexplained"]) == (0, 0, 0)
    assert shown["faults"]["worker dies"] > times // SHARE
    assert shown["faults"]["worker pauses"] > times // SHARE
    assert len(shown["faults"]) > 20


def test_the_command_prints_the_seed_and_the_timeline_of_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    resubmit_on_unknown(monkeypatch)
    done = CliRunner().invoke(simulate, ["--seed", "5", "--payments", "2400"])
    assert done.exit_code == 1
    assert "does not add up" in done.output
    assert "sent again" in done.output
