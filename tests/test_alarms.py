"""Alerts, rules and the dashboard ask for metrics that exist and that move. Each alert has a section of the runbook."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from api.figures import FRESH_S, Figures
from core.backlog import OVERDUE_S
from core.errors import StoreUnavailable
from core.store.port import OPERATIONS
from devtools.promtool import promtool
from devtools.servers import ServerMissing
from devtools.stack import ROOT
from tests.api.kit import House, body, build
from tests.doubles import FakeClock, ScriptedPartner, engine, lent_sql, new_operation, process, step
from tests.test_docs import anchors
from tests.worker.webhook_kit import House as Webhooks
from tests.worker.webhook_kit import Receiver
from tests.worker.webhook_kit import pay as announce
from worker.doubts import Doubts
from worker.partners.breaker import FAILING_S, FAILURES, Breaker
from worker.partners.pinned import Heard
from worker.partners.port import Confirmed, Mismatch, Pending, Reply, Unavailable

RULES, ALERTS, CASES = (ROOT / "deploy/prometheus" / name for name in ("rules.yml", "alerts.yml", "tests.yml"))
BOARD = ROOT / "deploy/grafana/quittance.json"
PAGE = ROOT / "docs/reference/metrics.md"
RAW = re.compile(r"\bquittance_[a-z_]+")
RECORDED = re.compile(r"\bquittance:[a-z0-9_:]+")
OF_THE_STORE = re.compile(
    r"quittance_(operations(_oldest_seconds|_due|_overdue)?|doubts|partner_down|dead_letters|journal_lag_seconds)\b"
)
"""What each process serves alike."""


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in YAML(typ="safe").load(path)["groups"] for rule in group["rules"]]


def board_questions() -> list[str]:
    panels = json.loads(BOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def questions() -> dict[str, list[str]]:
    asked = {path.name: [rule["expr"] for rule in rules(path)] for path in (RULES, ALERTS)}
    return {**asked, BOARD.name: board_questions()}


def family(name: str) -> str:
    """The metric of a sample."""
    return re.sub(r"(_bucket|_sum|_count|_total|_created)$", "", name)


CHECKS = {
    "config": ("check", "config", "prometheus.yml"),
    "rules": ("check", "rules", RULES.name, ALERTS.name),
    "cases": ("test", "rules", CASES.name),
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CHECKS.values(), ids=CHECKS)
def test_prometheus_takes_our_files_and_raises_our_alarms(arguments: tuple[str, ...]) -> None:
    try:
        done = promtool(RULES.parent, *arguments)
    except ServerMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_names_a_section_of_the_runbook_and_has_a_case() -> None:
    cases = CASES.read_text()
    for rule in rules(ALERTS):
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor in anchors(ROOT / page), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert re.search(rf"\b{rule['alert']}\b", cases), f"{rule['alert']} is in no case of {CASES.name}"


def test_what_is_recorded_exists() -> None:
    recorded = {rule["record"] for rule in rules(RULES)}
    for name, asked in questions().items():
        assert set(RECORDED.findall(" ".join(asked))) <= recorded, name


def test_figures_that_all_processes_serve_alike_are_never_added_up() -> None:
    for rule in rules(RULES):
        if OF_THE_STORE.search(rule["expr"]):
            assert rule["expr"].startswith("max"), rule
    for question in (*(rule["expr"] for rule in rules(ALERTS)), *board_questions()):
        assert not OF_THE_STORE.search(question), question


class Drive:
    """A stack in one process, whose served metrics are looked at after each thing that happens."""

    def __init__(self, house: House) -> None:
        assert isinstance(house.clock, FakeClock)
        self.house, self.clock = house, house.clock
        self.seen: dict[str, set[frozenset[tuple[Any, ...]]]] = {}
        self.dead = self.fine = 0
        with_broker = replace(house.core, settings=replace(house.settings, broker_url="amqp://broker"))
        house.app.extensions["figures"] = Figures(with_broker, lambda _: {"dead": self.dead})
        self.breaker = Breaker("mtn", house.clock, 8, house.core.partner_health.report)
        self.doubts: Doubts | None = None

    def look(self) -> None:
        self.house.tick(FRESH_S)
        families = [*text_string_to_metric_families(self.house.http.get("/metrics").text)]
        if self.doubts:
            families += self.doubts.collect()
        for found in families:
            samples = ((s.name, *sorted(s.labels.items()), s.value) for s in found.samples)
            self.seen.setdefault(family(found.name), set()).add(frozenset(samples))

    @property
    def moved(self) -> set[str]:
        return {name for name, states in self.seen.items() if len(states) > 1}

    def work(self, *replies: Reply, every_s: float = 20 * 60) -> None:
        """Works on a new payment, whose operator gives these replies."""
        id = self.house.pay(
            body(amendes=[{"id": f"AM-{len(self.seen)}-{self.house.clock.now():%d%H%M%S}", "amount": 25000}])
        )
        partner = Watched(self, *replies)
        steps = process((step("debit", partner, breaker=self.breaker),), kind="fine_payment")
        self.doubts = Doubts(self.house.store, {"fine_payment": steps})
        worker = engine(self.house.store, self.clock, steps)
        for _ in replies:
            worker.advance(id)
            self.house.tick(every_s)
        self.look()


class Watched(ScriptedPartner):
    """A partner in whose calls the metrics are looked at."""

    def __init__(self, drive: Drive, *replies: Reply) -> None:
        super().__init__(*replies)
        self._drive = drive

    def _say(self, verb: str, reference: str) -> Reply:
        self._drive.look()
        return super()._say(verb, reference)


@pytest.fixture
def drive() -> Iterator[Drive]:
    with lent_sql() as store:
        yield Drive(build(store))


def test_every_metric_that_is_asked_for_moves(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    house = drive.house
    drive.look()
    # Given payments that end, come into doubt, need a person, and find their operator away
    drive.work(Confirmed())
    drive.work(Pending(), Pending())
    drive.work(Mismatch("another amount"))
    for _ in range(FAILURES + 4):  # the last ones are not called any more
        drive.work(Unavailable("connection refused"), every_s=FAILING_S)
    # Deliveries of webhooks: one arrives, and one is answered 410
    webhooks = Webhooks(house.store, drive.clock, Receiver(drive.clock, [Heard(204, b"", 0), Heard(410, b"", 0)]))
    webhooks.endpoint()
    for id in ("op-a", "op-b"):
        announce(webhooks, id, fingerprint=None)
    webhooks.deliver()
    drive.look()
    # A transfer that nobody takes
    transfer = new_operation(id="op-c", kind="wallet_transfer", created_at=house.clock.now(), due_at=house.clock.now())
    house.store.insert(OPERATIONS, transfer.to_document())
    house.tick(OVERDUE_S)
    drive.dead = 1
    drive.look()
    # And a store and a broker that are away
    monkeypatch.setattr(type(house.broker), "connected", lambda _: False)
    drive.look()

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(type(house.core), "accept", away)
    house.post(body())
    monkeypatch.setattr("api.figures.read_backlog", away)
    drive.look()

    for name, asked in questions().items():
        wanted = {family(metric) for metric in RAW.findall(" ".join(asked))}
        assert wanted - drive.moved <= {"quittance_build_info"}, name
    # And the page has them all
    served = {name for name in drive.seen if name.startswith("quittance_")}
    assert {family(name) for name in re.findall(r"^\| `(quittance_\w+)`", PAGE.read_text(), re.MULTILINE)} == served
