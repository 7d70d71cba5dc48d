"""A stuck payment is listed with its evidence and brought to its end by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.operation import Operation, Status
from core.steps import Call, StepRecord, StepState
from ops.commands import review
from tests.doubles import START, open_sql

REQUEST = {"msisdn": "+2250707000001", "currency": "XOF", "amount": 100, "amendes": [{"id": "A", "amount": 100}]}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    stuck = Operation("op-1", "fine_payment", REQUEST, START, START, status=Status.IN_DOUBT, due_at=START)
    for name, state in (("claim", StepState.DONE), ("check:A", StepState.DONE), ("debit", StepState.SUBMITTED)):
        stuck = stuck.with_step(name, StepRecord(stuck.reference(name), state, attempts=1, submitted_at=START))
    call = Call(START, 740, "submit", "unknown", {"http": 504, "body": "[red]gateway time-out"})
    stuck = stuck.with_step("debit", stuck.step("debit").with_call(call))
    stuck = stuck.noted(START, "step_unresolved", "debit of 100 XOF: no usable answer (HTTP 504)", "debit")
    store = open_sql(url)
    store.insert("operations", stuck.to_document())
    store.insert("operations", replace(stuck, id="op-2", status=Status.SUCCEEDED).to_document())
    store.close()
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(review, arguments)


def load(url: str) -> Operation:
    store = open_sql(url)
    document = store.get("operations", "op-1")
    store.close()
    assert document is not None
    return Operation.from_document(document)


def test_what_waits_is_listed_with_its_evidence(url: str) -> None:
    listed = run().output
    assert "op-1: in_doubt, because of debit" in listed
    assert "no usable answer (HTTP 504)" in listed
    plain = " ".join(listed.replace("│", " ").split())
    assert "submit took 740 ms, understood as unknown; the partner said: http: 504, body: [red]gateway" in plain
    assert "op-2" not in listed
    assert "partner's answer: 1" in listed


def test_a_decision_is_saved_with_who_and_why(url: str) -> None:
    done = run("confirm", "op-1", "--reason", "seen on the statement", "--who", "awa")
    assert done.exit_code == 0, done.output
    operation = load(url)
    assert (operation.status, operation.step("debit").state) == (Status.PROCESSING, StepState.DONE)
    assert any("awa decided: seen on the statement" in entry.text for entry in operation.history)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("confirm", "op-1"), "--reason"),
        (("confirm", "op-2", "--reason", "x"), "succeeded"),
        (("retry", "nobody", "--reason", "x"), "no operation has this id"),
    ],
)
def test_a_decision_that_does_not_apply_is_reported(url: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code != 0
    assert message in done.output
    assert load(url).version == 1


def test_an_operation_of_an_operator_that_is_gone_says_so(url: str) -> None:
    store = open_sql(url)
    document = store.get("operations", "op-1")
    assert document is not None
    store.replace("operations", {**document, "operator": "moov-ci"})
    store.close()
    plain = " ".join(run().output.split())
    assert "the operator 'moov-ci' is not configured any more; name it in OPERATORS again" in plain
    refused = run("confirm", "op-1", "--reason", "x")
    assert refused.exit_code == 1
    assert "not configured any more" in refused.output
