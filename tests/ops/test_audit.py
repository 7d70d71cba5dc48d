"""The audit finds every difference between our operations and the partners' records, and counts them."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from ops.audit.command import audit
from tests.doubles import START, open_sql
from worker.partners.operators.client import short_id_of

FINES = [{"id": "A", "amount": 15000}, {"id": "B", "amount": 10000}]
PAID = ["debit 25000", "settle:A 15000", "settle:B 10000"]
"""What the partners record of a payment that succeeded."""


def payment(id: str, status: Status = Status.SUCCEEDED, *done: str) -> Operation:
    request = {"msisdn": "+2250707000001", "currency": "XOF", "amount": 25000, "amendes": FINES}
    operation = Operation(id, "fine_payment", request, START, START, fingerprint=id, status=status)
    for step in done:
        operation = operation.with_step(step, StepRecord(operation.reference(step), StepState.DONE))
    return operation


def paid(id: str) -> Operation:
    return payment(id, Status.SUCCEEDED, "debit", "settle:A", "settle:B")


def consultation(id: str, status: Status, *done: str) -> Operation:
    request = {"price": 40000, "currency": "BRL", "start_date": "", "end_date": "", "rate": 20000}
    operation = Operation(id, "consultation", request, START, START, status=status)
    for step in done:
        operation = operation.with_step(step, StepRecord(operation.reference(step), StepState.DONE))
    return operation


def message(id: str, status: Status, *done: str) -> Operation:
    operation = Operation(id, "sms", {"to": "+2250707000001", "about": None, "text": "x"}, START, START, status=status)
    for step in done:
        operation = operation.with_step(step, StepRecord(operation.reference(step), StepState.DONE))
    return operation


Audit = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Audits these operations against what the partners recorded: lines of a reference and an amount, if it has one."""

    def run(
        operations: list[Operation], recorded: list[str], *arguments: str, reserved: tuple[str, ...] = ()
    ) -> Result:
        url = f"sqlite:///{tmp_path / 'store.sqlite'}"
        store = open_sql(url)
        for operation in operations:
            store.insert("operations", operation.to_document())
        for fine in reserved:
            store.insert("claims", {"id": fine, "operation": "nobody"})
        store.close()
        effects = [dict(zip(("request_id", "amount"), line.split(), strict=False)) for line in recorded]
        lines = "".join(json.dumps(effect) + "\n" for effect in effects)
        httpserver.expect_request("/_truth", query_string="format=ndjson").respond_with_data(lines)
        monkeypatch.setenv("STORE_URL", url)
        monkeypatch.setenv("VAR_DIR", str(tmp_path))
        monkeypatch.setenv("OPERATOR_URL", httpserver.url_for("/operator"))
        return CliRunner().invoke(audit, arguments)

    return run


Late = Callable[[Operation], None]


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Late:
    """Stores an operation when our operations have been read, before the partners' record is."""

    def late(operation: Operation) -> None:
        def keep(_: object, __: object) -> dict[str, dict[str, int]]:
            with closing(open_sql(f"sqlite:///{tmp_path / 'store.sqlite'}")) as store:
                known = store.get("operations", operation.id)
                (store.replace if known else store.insert)("operations", operation.to_document())
            return {}

        monkeypatch.setattr("ops.audit.command.totals", keep)

    return late


def effects_of(id: str, *effects: str) -> list[str]:
    return [f"{id}:{effect}" for effect in effects]


def found(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_equal_records_are_a_clean_audit(run: Audit) -> None:
    refunded = payment("op-2", Status.REFUNDED, "debit", "refund")
    both = effects_of("op-1", *PAID) + effects_of("op-2", "debit 25000.00", "refund 25000")
    result = run([paid("op-1"), refunded, payment("op-3", Status.FAILED)], both, "--json")
    assert result.exit_code == 0, result.output
    assert found(result)["accepted"] == 3
    assert found(result)["effects"] == {"debit": 2, "refund": 1, "fine": 2}
    assert found(result)["discrepancies"] == {}


@pytest.mark.parametrize(
    ("operation", "effects", "discrepancy"),
    [
        (paid("op-1"), [*PAID, "debit 25000"], "double"),
        (paid("op-1"), PAID[:2], "missing"),
        (paid("op-1"), PAID[1:], "missing"),
        (paid("op-1"), ["debit 2500", *PAID[1:]], "amount differs"),
        (paid("op-1"), [*PAID, "refund 25000"], "orphan"),
        (payment("op-1", Status.FAILED), ["debit 25000"], "orphan"),
        (payment("op-1", Status.REFUNDED, "debit", "refund"), ["debit 25000", "refund 15000"], "amount differs"),
    ],
)
def test_every_discrepancy_is_found(run: Audit, operation: Operation, effects: list[str], discrepancy: str) -> None:
    result = run([operation], effects_of("op-1", *effects), "--json")
    assert result.exit_code == 1
    assert found(result)["discrepancies"] == {discrepancy: 1}


def test_a_request_that_was_accepted_twice_is_found(run: Audit) -> None:
    twice = [replace(paid(id), fingerprint="the same") for id in ("op-1", "op-2")]
    failed = replace(payment("op-3", Status.FAILED), fingerprint=None)
    result = run([*twice, failed], effects_of("op-1", *PAID) + effects_of("op-2", *PAID))
    assert result.exit_code == 1
    assert "accepted twice: op-1 and op-2 are the same request" in result.output


def test_orphans_and_dangling_reservations_are_found(run: Audit) -> None:
    result = run([], ["nobody:debit 100"], reserved=("amende:A",))
    assert result.exit_code == 1
    assert "orphan: nobody:debit happened" in result.output
    assert "dangling reservation: amende:A is reserved for nobody, which does not exist" in result.output


@pytest.mark.parametrize("effects", [[], ["debit 25000"], ["debit 25000", "settle:A 15000"]])
def test_what_is_not_finished_may_or_may_not_have_happened(run: Audit, effects: list[str]) -> None:
    result = run([payment("op-1", Status.IN_DOUBT)], effects_of("op-1", *effects), "--json")
    assert result.exit_code == 0
    assert found(result)["oldest_unfinished"].startswith("2026-01-01T12:00:00")


def test_an_operators_statement_is_read_as_well(run: Audit, tmp_path: Path) -> None:
    statement = tmp_path / "statement.csv"
    rows = ["op-1:debit,+2250707000001,25000,XOF,SUCCESSFUL,2026-01-01", "op-2:debit,,25000,XOF,FAILED,2026-01-01"]
    statement.write_text("\n".join(["reference,msisdn,amount,currency,status,date", *rows]))
    operations = [paid("op-1"), payment("op-2", Status.FAILED)]
    assert run(operations, [], "--statement", str(statement)).exit_code == 0
    statement.write_text("reference,amount\n")
    broken = CliRunner().invoke(audit, ["--statement", str(statement)])
    assert broken.exit_code == 1
    assert "no column currency, date, msisdn, status" in broken.output


def test_an_unreachable_partner_is_no_clean_audit(run: Audit, httpserver: HTTPServer) -> None:

    result = run([], [], "--truth", httpserver.url_for("/nowhere"))
    assert result.exit_code == 1
    assert "nowhere" in result.output


@pytest.mark.parametrize(
    ("operation", "recorded", "discrepancies"),
    [
        (consultation("op-1", Status.SUCCEEDED, "charge"), ["op-1:charge 400.00"], {}),
        (consultation("op-1", Status.PROCESSING), ["op-1:charge 400.00"], {}),
        (consultation("op-1", Status.OPEN), [], {}),
        (consultation("op-1", Status.SUCCEEDED, "charge"), [], {"missing": 1}),
        (consultation("op-1", Status.SUCCEEDED, "charge"), ["op-1:charge 400.01"], {"amount differs": 1}),
        (consultation("op-1", Status.SUCCEEDED, "charge"), ["op-1:charge 400.00"] * 2, {"double": 1}),
        (consultation("op-1", Status.OPEN), ["op-1:charge 400.00"], {"orphan": 1}),
    ],
)
def test_consultations_are_held_against_their_charges(
    run: Audit, operation: Operation, recorded: list[str], discrepancies: dict[str, int]
) -> None:
    done = run([operation], recorded, "--json")
    assert json.loads(done.stdout)["discrepancies"] == discrepancies
    assert done.exit_code == (1 if discrepancies else 0)


@pytest.mark.parametrize(
    ("sender", "operation", "recorded", "discrepancies"),
    [
        ("http", message("op-1", Status.SUCCEEDED, "send"), ["op-1:send"], {}),
        ("http", message("op-1", Status.SUCCEEDED, "send"), ["op-1:send"] * 2, {"double": 1}),
        ("http", message("op-1", Status.SUCCEEDED, "send"), [], {"missing": 1}),
        ("http", message("op-1", Status.PROCESSING), ["op-1:send"], {}),
        ("http", message("op-1", Status.PROCESSING), [], {}),
        ("http", message("op-1", Status.FAILED), ["op-1:send"], {"orphan": 1}),
        ("file", message("op-1", Status.SUCCEEDED, "send"), [], {}),
    ],
)
def test_messages_are_held_against_the_gateways_where_it_sends_them(
    run: Audit,
    monkeypatch: pytest.MonkeyPatch,
    sender: str,
    operation: Operation,
    recorded: list[str],
    discrepancies: dict[str, int],
) -> None:
    monkeypatch.setenv("SMS_SENDER", sender)
    result = run([operation], recorded, "--json")
    assert found(result)["discrepancies"] == discrepancies
    assert found(result)["effects"].get("message", 0) == (operation.status is Status.SUCCEEDED)


def test_a_recorded_debit_without_an_amount_does_not_match_ours(run: Audit) -> None:
    result = run([paid("op-1")], effects_of("op-1", "debit", *PAID[1:]), "--json")
    assert found(result)["discrepancies"] == {"amount differs": 1}


def toll(id: str, status: Status = Status.SUCCEEDED) -> Operation:
    """An operation of a product that was installed before and is not now."""
    return Operation(id, "toll", {"gate": 1}, START, START, fingerprint=id, status=status)


def test_effects_of_a_product_that_is_not_installed_are_not_judged(run: Audit) -> None:
    # Given a clean payment, and two tolls with what their partners did
    operations = [paid("op-1"), toll("op-2"), toll("op-3", Status.PROCESSING)]
    effects = effects_of("op-1", *PAID) + effects_of("op-2", "debit 500", "debit 500", "open")

    # I expect an audit that says what it cannot judge, and that it is not complete
    result = run(operations, effects, "--json")
    assert result.exit_code == 3, result.output
    assert found(result)["discrepancies"] == {}
    assert found(result)["not_installed"] == {"toll": 2}
    assert found(result)["statuses"] == {"succeeded": 2, "processing": 1}


def test_products_that_are_not_installed_are_named_in_a_line_of_their_own(run: Audit) -> None:
    result = run([toll("op-1"), toll("op-2")], [])
    line = "operations of products that are not installed: 2 of kind toll; their effects cannot be judged"
    assert line in result.output.splitlines()
    assert result.exit_code == 3


def test_a_discrepancy_counts_more_than_what_cannot_be_judged(run: Audit) -> None:
    result = run([toll("op-1")], ["nobody:debit 500"], "--json")
    assert (result.exit_code, found(result)["not_installed"]) == (1, {"toll": 1})


def test_a_refund_that_a_person_made_by_hand_is_in_no_record(run: Audit) -> None:
    refunded = payment("op-1", Status.REFUNDED, "debit", "refund")
    by_hand = replace(refunded.step("refund"), last_error="the undo was declined (refund_by_hand)")
    result = run([refunded.with_step("refund", by_hand)], effects_of("op-1", "debit 25000"), "--json")
    assert result.exit_code == 0, result.output
    assert found(result)["effects"] == {"debit": 1, "refund": 0}


SHORT_ID = short_id_of("op-1:debit")
"""The id of the debit in the record of Airtel, which has no callback URL that names the operation."""


def at_airtel(operation: Operation) -> Operation:
    return replace(operation, operator="airtel")


@pytest.fixture
def with_airtel(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    monkeypatch.setenv("OPERATORS", "airtel")
    monkeypatch.setenv("MOCK_PORT", str(httpserver.port))


@pytest.mark.usefixtures("with_airtel")
def test_an_operation_that_came_while_the_audit_read_explains_its_effects(run: Audit, late: Late) -> None:
    # Given a payment that is accepted, and paid at Airtel, after our operations were read
    late(at_airtel(payment("op-1", Status.PROCESSING, "debit")))
    result = run([], [f"{SHORT_ID} 25000"], "--json")
    assert (result.exit_code, found(result)["discrepancies"]) == (0, {}), result.output


@pytest.mark.usefixtures("with_airtel")
def test_a_refund_of_a_debit_whose_id_came_while_the_audit_read_is_explained(run: Audit, late: Late) -> None:
    # Given a payment that is debited and refunded after it was read: Airtel records the refund by its id of the debit
    begun, later = (at_airtel(payment("op-1", status)) for status in (Status.ACCEPTED, Status.PROCESSING))
    debit = StepRecord("op-1:debit", StepState.DONE, result={"airtel_money_id": "MP1"})
    late(replace(later.with_step("debit", debit), version=1))
    result = run([begun], [f"{SHORT_ID} 25000", "MP1 25000"], "--json")
    assert (result.exit_code, found(result)["discrepancies"]) == (0, {}), result.output


@pytest.mark.usefixtures("with_airtel")
def test_what_happened_twice_while_the_audit_read_is_found(run: Audit, late: Late) -> None:
    late(at_airtel(payment("op-1", Status.PROCESSING, "debit")))
    result = run([], [f"{SHORT_ID} 25000"] * 2, "--json")
    assert (result.exit_code, found(result)["discrepancies"]) == (1, {"double": 1})


@pytest.mark.usefixtures("with_airtel")
def test_what_had_ended_when_the_audit_began_explains_nothing_later(run: Audit, late: Late) -> None:
    late(at_airtel(payment("op-2", Status.PROCESSING, "debit")))
    result = run([at_airtel(payment("op-1", Status.FAILED))], [f"{SHORT_ID} 25000"], "--json")
    assert (result.exit_code, found(result)["discrepancies"]) == (1, {"orphan": 1})


def test_operations_of_an_operator_that_is_not_configured_cannot_be_judged(run: Audit) -> None:
    # Given payments of an operator that was removed from OPERATORS, one of them refunded
    debit = StepRecord("op-2:debit", StepState.DONE, result={"airtel_money_id": "MP1"})
    refunded = payment("op-2", Status.REFUNDED, "debit", "refund").with_step("debit", debit)
    operations = [at_airtel(paid("op-1")), at_airtel(refunded), paid("op-3")]
    records = [f"{SHORT_ID} 1", f"{SHORT_ID} 1", "MP1 1", *effects_of("op-1", *PAID[1:]), *effects_of("op-3", *PAID)]

    # I expect an audit that finds nothing wrong, and that is not complete
    result = run(operations, records, "--json")
    assert result.exit_code == 3, result.output
    assert found(result)["discrepancies"] == {}
    assert found(result)["not_configured"] == {"airtel": 2}


def test_an_operator_that_is_not_configured_is_named_and_other_partners_are_judged(run: Audit) -> None:
    result = run([at_airtel(paid("op-1"))], effects_of("op-1", PAID[1]))
    line = "operations of operators that are not configured: 1 of airtel; what they did there cannot be judged"
    assert line in result.output.splitlines()
    assert "missing: op-1:settle:B" in result.output
    assert result.exit_code == 1
