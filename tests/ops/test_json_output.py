"""Commands that print data print JSON with `--json`, in the shape that docs/reference/cli.md gives."""

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from pytest_httpserver import HTTPServer

from core.clock import SystemClock
from core.identity.people import People
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from devtools.stack import ROOT
from ops.commands import cli
from proof.chaos.outcome import Outcome
from proof.chaos.report import run_as_json
from tests.command_table import ENTRIES
from tests.doubles import START, open_sql

ROW = re.compile(r"^\| `quittance ([a-z -]+) --json` \| (an object|a list of objects): (.+?)[.;]? \|$", re.MULTILINE)
FIELD = re.compile(r"`(\w+)`")
SHAPES = {
    name: (list if kind.startswith("a list") else dict, set(FIELD.findall(fields)))
    for name, kind, fields in ROW.findall((ROOT / "docs/reference/cli.md").read_text())
}
"""What the guide says: by command, the type of the document, and the fields of the object or of each object."""

REQUEST = {"msisdn": "+2250707000001", "currency": "XOF", "amount": 100, "amendes": [{"id": "A", "amount": 100}]}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    """A store with a person, and with an operation that waits; a sandbox in which nothing happened; no broker."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("OPERATOR_URL", httpserver.url_for("/operator"))
    monkeypatch.setenv("BROKER_URL", "amqp://127.0.0.1:1")
    monkeypatch.setattr("ops.requeue.requeue_dead_letters", lambda url: ["op-1"])
    httpserver.expect_request("/_truth").respond_with_data("")
    stuck = Operation("op-1", "fine_payment", REQUEST, START, START, status=Status.IN_DOUBT, due_at=START)
    stuck = stuck.with_step("debit", StepRecord(stuck.reference("debit"), StepState.SUBMITTED, attempts=1))
    opened = open_sql(url)
    opened.insert("operations", stuck.noted(START, "step_unresolved", "HTTP 504", "debit").to_document())
    People(opened, SystemClock()).register("awa", None, "+2250707000001", phone_proven=True)
    opened.close()


def printed(*arguments: str, typed: str | None = None, code: int = 0) -> Any:
    done = CliRunner().invoke(cli, [*arguments, "--json"], input=typed)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_every_command_that_prints_json_is_documented() -> None:
    with_json = {
        name for name, entry in ENTRIES.items() if any("--json" in parameter.opts for parameter in entry.load().params)
    }
    assert len(with_json) > 8
    assert SHAPES.keys() == with_json


@pytest.mark.parametrize(
    ("name", "arguments", "typed"),
    [
        ("audit", (), None),
        ("review list", (), None),
        ("show", ("op-1",), None),
        ("list", (), None),
        ("data names", (), None),
        ("requeue", (), None),
        ("keys create", ("clinic", "--scope", "consultations"), None),
        ("merchants create", ("Kiosk", "--owner", "awa"), None),
        ("people create-admin", ("root",), "correct horse\n"),
        ("people create-operator", ("desk",), "correct horse\n"),
        ("simulate", ("--payments", "3"), None),
        ("crashes", ("--product", "event"), None),
    ],
)
def test_the_json_has_the_documented_shape(name: str, arguments: tuple[str, ...], typed: str | None) -> None:
    document = printed(*name.split(), *arguments, typed=typed)

    kind, fields = SHAPES[name]
    assert type(document) is kind
    for each in document if isinstance(document, list) else [document]:
        assert each.keys() == fields
    assert document


def test_the_keys_are_listed_in_the_documented_shape_without_their_text() -> None:
    made = printed("keys", "create", "clinic", "--scope", "consultations")

    [listed] = printed("keys", "list")

    assert SHAPES["keys list"] == (list, set(listed))
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert made["key"].startswith("qtk_")


def test_what_commands_did_is_in_the_security_log() -> None:
    made = printed("keys", "create", "clinic", "--scope", "consultations")

    [entry] = printed("log", "security")

    assert SHAPES["log security"] == (list, set(entry))
    assert (entry["what"], entry["on"], entry["where"]) == ("key created", made["id"], "console")


def test_what_waits_is_listed_with_its_steps_and_history() -> None:
    [waiting] = printed("review")

    assert (waiting["id"], waiting["status"], waiting["steps"]) == ("op-1", "in_doubt", ["debit"])
    assert waiting["history"][-1]["text"] == "HTTP 504"


def test_the_check_of_a_partner_prints_the_documented_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_URL", "http://127.0.0.1:1/operator")  # nobody is there

    document = printed("partner", "check", "operator", "--phone", "+2250707000001", "--yes", code=1)

    assert SHAPES["partner check"] == (dict, set(document))
    [probe] = document["probes"]
    assert (probe["name"], probe["verdict"]) == ("connectivity", "unsafe")


def test_chaos_prints_the_documented_shape() -> None:
    wallets = SimpleNamespace(top_ups=["a"])
    clients: Any = SimpleNamespace(accepted={"a", "b"}, wallets=wallets, moved=["b"], repeats=3)
    audit: dict[str, Any] = {"effects": {}, "discrepancies": {}}

    document = run_as_json("sqlite, embedded", Counter(kill=1), clients, Outcome(), audit, [])

    assert SHAPES["chaos"] == (dict, set(document))


def test_a_proof_that_fails_exits_1_and_names_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> list[str]:
        return ["ended twice"]

    monkeypatch.setattr("proof.simulation.crashes_command.crash", wrong)

    document = printed("crashes", "--product", "event", code=1)

    [row] = document["proofs"]
    assert row["wrong"] == row["cases"] == len(document["wrong"]) > 0
    assert all("crash of event" in line and "ended twice" in line for line in document["wrong"])
    table = CliRunner().invoke(cli, ["crashes", "--product", "event"])
    assert table.exit_code == 1
    assert "ended twice" in table.output


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    done = CliRunner().invoke(cli, ["crashes", "--product", "lottery"])

    assert done.exit_code == 2
    assert "fine_payment" in done.output
