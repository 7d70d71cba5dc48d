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
    listed = run("list", "--evidence").output
    assert "op-1: in_doubt, because of debit" in listed
    assert "no usable answer (HTTP 504)" in listed
    plain = " ".join(listed.split())
    assert "submit took 740 ms, understood as unknown" in plain
    assert "[red]gateway" in plain
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
    plain = " ".join(run("list", "--evidence").output.split())
    assert "the operator 'moov-ci' is not configured any more; name it in OPERATORS again" in plain
    refused = run("confirm", "op-1", "--reason", "x")
    assert refused.exit_code == 1
    assert "not configured any more" in refused.output


def test_the_summary_has_a_line_for_each(url: str) -> None:
    head, line, number = run().output.splitlines()

    assert head.split()[:3] == ["ref", "kind", "status"]
    assert line.split()[:3] == ["op-1", "fine_payment", "in_doubt"]
    assert "debit" in line
    assert number.endswith(": 1")


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ((), 1),
        (("--kind", "fine_payment"), 1),
        (("--kind", "event"), 0),
        (("--status", "needs_review"), 0),
        (("--partner", "operator"), 1),
        (("--partner", "registry"), 0),
        (("--since", "2020-01-01"), 1),
        (("--since", "2999-01-01"), 0),
    ],
)
def test_what_waits_is_narrowed(url: str, filters: tuple[str, ...], number: int) -> None:
    assert run("list", *filters).output.splitlines()[-1].endswith(f": {number}")


def test_many_are_counted_first_and_decided_with_yes(url: str) -> None:
    store = open_sql(url)
    document = store.get("operations", "op-1")
    assert document is not None
    for number in range(3, 6):
        store.insert("operations", {**document, "id": f"op-{number}"})
    store.close()
    command = ("retry", "--partner", "operator", "--since", "2020-01-01", "--reason", "they are back")

    counted = run(*command)

    assert "retry: 4 of 4 would be decided" in counted.output
    assert load(url).status is Status.IN_DOUBT
    done = run(*command, "--yes")
    assert (done.exit_code, done.output) == (0, "retry: 4 of 4 decided\n")
    assert load(url).status is Status.PROCESSING
    assert any("they are back" in entry.text for entry in load(url).history)
    assert "retry: 0 of 0 decided" in run(*command, "--yes").output


def test_one_that_cannot_be_decided_does_not_hold_up_the_others(url: str) -> None:
    store = open_sql(url)
    document = store.get("operations", "op-1")
    assert document is not None
    store.insert("operations", {**document, "id": "op-3", "steps": {}})
    store.close()

    done = run("confirm", "--kind", "fine_payment", "--reason", "x", "--yes")

    assert done.exit_code == 1
    assert "confirm: 1 of 2 decided" in done.output
    assert "op-3: none of its steps" in done.output
    assert load(url).status is Status.PROCESSING


def test_a_decision_is_about_one_or_about_some(url: str) -> None:
    for arguments in ((), ("op-1", "--kind", "fine_payment")):
        assert run("confirm", *arguments, "--reason", "x").exit_code == 2
    assert run("list", "--kind", "lottery").exit_code == 2
    assert load(url).version == 1
