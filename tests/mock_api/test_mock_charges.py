"""The finance service: one charge for an appointment."""

import pytest

from tests.sandbox import Sandbox

CHARGE = {"request_id": "c1", "appointment_id": "a1", "amount": "400.00", "currency": "BRL"}


def test_a_charge_is_taken_note_of(sandbox: Sandbox) -> None:
    answer = sandbox.post("/finance/charges", CHARGE)

    assert (answer.status_code, answer.json["status"]) == (200, "SUCCESSFUL")
    assert sandbox.ask("c1", "/finance") == (200, "SUCCESSFUL")
    (charge,) = sandbox.truth()["charges"]
    assert charge.items() >= {**CHARGE, "transaction_id": answer.json["transaction_id"]}.items()


def test_the_same_id_charges_once_and_another_is_refused(sandbox: Sandbox) -> None:
    first = sandbox.post("/finance/charges", CHARGE)

    assert sandbox.post("/finance/charges", {**CHARGE, "amount": "400"}).json == first.json
    refused = sandbox.post("/charges", {**CHARGE, "request_id": "c2"})
    assert refused.json == {"request_id": "c2", "status": "FAILED", "reason": "ALREADY_CHARGED"}
    assert sandbox.really("charges") == ["c1"]


def test_nothing_can_be_charged(sandbox: Sandbox) -> None:
    assert sandbox.post("/finance/charges", {**CHARGE, "amount": "0.00"}).json["status"] == "SUCCESSFUL"


@pytest.mark.parametrize("wrong", [{"amount": "-1"}, {"amount": 400}, {"currency": "R$"}, {"appointment_id": ""}])
def test_a_charge_that_is_none(sandbox: Sandbox, wrong: dict[str, object]) -> None:
    assert sandbox.post("/finance/charges", CHARGE | wrong).status_code == 400
    assert sandbox.really("charges") == []


def test_a_scripted_fault_of_the_finance_service_is_played(sandbox: Sandbox) -> None:
    sandbox.script({"call": "charge", "answer": "503"}, {"call": "charge", "answer": "504-done"})

    assert [sandbox.post("/finance/charges", CHARGE).status_code for _ in range(3)] == [503, 504, 200]
    assert sandbox.really("charges") == ["c1"]
