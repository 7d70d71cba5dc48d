"""The registry: what is due, and its settlement."""

from typing import Any

import pytest

from tests.answers import Answer
from tests.sandbox import Sandbox


def lookup(sandbox: Sandbox, query: str) -> dict[str, Any]:
    answer = sandbox.get(f"/registry/amendes?{query}")
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    return answer.json


@pytest.mark.parametrize("spelling", ["AB-123-CD", "ab123cd", "AB%20123%20CD"])
def test_the_example_plate(sandbox: Sandbox, spelling: str) -> None:
    shown = lookup(sandbox, f"immatriculation={spelling}")

    assert (shown["msisdn"], shown["currency"], shown["amount"]) == ("+2250707000001", "XOF", "25000")
    assert [(fine["id"], fine["amount"]) for fine in shown["amendes"]] == [
        ("AM-2026-000123", "15000"),
        ("AM-2026-000124", "10000"),
    ]
    for fine in shown["amendes"]:
        assert set(fine) == {"id", "amount", "currency", "status", "motif", "date", "immatriculation"}
        assert fine == sandbox.get(f"/registry/amendes/{fine['id']}").json
        assert (fine["status"], fine["immatriculation"]) == ("DUE", "AB-123-CD")


def test_any_plate_owes_two_fines_always_the_same(sandbox: Sandbox) -> None:
    shown = lookup(sandbox, "immatriculation=ZZ-999-AA")

    assert shown["msisdn"] == "+2250707000001"
    assert len(shown["amendes"]) == 2
    assert shown["amount"] == str(sum(int(fine["amount"]) for fine in shown["amendes"]))
    assert shown == lookup(sandbox, "immatriculation=zz999aa")
    others = {lookup(sandbox, f"immatriculation=AA-{n}-AA")["amendes"][0]["id"] for n in range(100, 150)}
    assert len(others) == 50


@pytest.mark.parametrize("query", ["msisdn=%2B33612345678", "msisdn=+33612345678", "msisdn=33%206%2012345678"])
def test_any_phone_owes_two_fines(sandbox: Sandbox, query: str) -> None:
    shown = lookup(sandbox, query)
    assert (shown["msisdn"], len(shown["amendes"])) == ("+33612345678", 2)
    assert shown == lookup(sandbox, "msisdn=%2B33612345678")


@pytest.mark.parametrize("query", ["", "immatriculation=", "msisdn=%20", "plate=AB-123-CD"])
def test_a_lookup_needs_something_to_look_up(sandbox: Sandbox, query: str) -> None:
    assert sandbox.get(f"/registry/amendes?{query}").status_code == 400


def test_every_number_is_a_fine(sandbox: Sandbox) -> None:
    amounts = [sandbox.get(f"/amendes/AM-2026-{n:06}").json["amount"] for n in (123, 124, 125)]
    assert amounts == ["15000", "10000", "5000"]


def test_the_beginning_of_a_number_may_name_the_currency(sandbox: Sandbox) -> None:
    fines = [sandbox.get(f"/amendes/{city}-2026-000123").json for city in ("AM", "KES")]
    assert [(fine["currency"], fine["amount"]) for fine in fines] == [("XOF", "15000"), ("KES", "15000")]


@pytest.mark.parametrize("fine_id", ["AM-2026-990001", "AM-2026-12345", "AM-26-000123", "XX", "AM-2026-00012a"])
def test_there_is_no_such_fine(sandbox: Sandbox, fine_id: str) -> None:
    assert sandbox.get(f"/registry/amendes/{fine_id}").status_code == 404
    assert sandbox.settle(fine=fine_id).json["reason"] == "UNKNOWN_FINE"


def test_a_settled_fine_is_paid_and_no_longer_due(sandbox: Sandbox) -> None:
    answer = sandbox.settle("s1", payment_id="pay-7")

    assert (answer.status_code, answer.json["status"]) == (200, "SUCCESSFUL")
    assert sandbox.get("/registry/amendes/AM-2026-000123").json["status"] == "PAID"
    shown = lookup(sandbox, "immatriculation=AB-123-CD")
    assert (shown["amount"], [fine["id"] for fine in shown["amendes"]]) == ("10000", ["AM-2026-000124"])
    (fine,) = sandbox.truth()["fines"]
    expected = {"id": "AM-2026-000123", "request_id": "s1", "payment_id": "pay-7", "amount": "15000"}
    assert fine.items() >= expected.items()

    sandbox.settle("s2", "AM-2026-000124", amount="10000")
    shown = lookup(sandbox, "immatriculation=AB-123-CD")
    assert (shown["amount"], shown["amendes"]) == ("0", [])


def test_a_fine_is_settled_once(sandbox: Sandbox) -> None:
    first = sandbox.settle("s1")
    assert sandbox.settle("s1").json == first.json
    assert sandbox.settle("s2").json == {"request_id": "s2", "status": "FAILED", "reason": "ALREADY_PAID"}
    assert sandbox.settle("s1", "AM-2026-000126").status_code == 409
    assert sandbox.settle("s1", payment_id="p2").status_code == 409
    assert sandbox.really("fines") == ["s1"]


def test_the_amount_must_be_the_fines(sandbox: Sandbox) -> None:
    assert sandbox.settle("s1", amount="14999").json["reason"] == "AMOUNT_MISMATCH"
    assert sandbox.settle("s2", amount="15000.00").json["status"] == "SUCCESSFUL"


@pytest.mark.parametrize("wrong", [{"statut": "PAID"}, {"amount": 15000}, {"payment_id": ""}, {"more": "x"}])
def test_an_invalid_settlement_is_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    assert sandbox.settle(**wrong).status_code == 400
    assert sandbox.really("fines") == []


@pytest.mark.parametrize(
    ("number", "status", "amount", "reason"),
    [
        ("990002", "CANCELLED", "5000", "CANCELLED"),
        ("990003", "PAID", "15000", "ALREADY_PAID"),
        ("990004", "DUE", "10000", "CANCELLED"),
        ("990005", "DUE", "5000", "ALREADY_PAID"),
    ],
)
def test_special_fines(sandbox: Sandbox, number: str, status: str, amount: str, reason: str) -> None:
    fine_id = f"AM-2026-{number}"
    shown = sandbox.get(f"/registry/amendes/{fine_id}").json
    assert (shown["status"], shown["amount"]) == (status, amount)
    assert sandbox.settle(fine=fine_id, amount=amount).json["reason"] == reason
    assert sandbox.really("fines") == []


def test_a_fine_that_is_settled_slowly(sandbox: Sandbox) -> None:
    fine_id = "AM-2026-990006"
    assert sandbox.settle(fine=fine_id).status_code == 202
    assert sandbox.get(f"/registry/amendes/{fine_id}").json["status"] == "DUE"
    assert sandbox.ask("s1", "/registry") == (200, "PENDING")

    sandbox.now += 20

    assert sandbox.get(f"/registry/amendes/{fine_id}").json["status"] == "PAID"
    assert sandbox.ask("s1", "/registry") == (200, "SUCCESSFUL")
    assert sandbox.really("fines") == ["s1"]


def reopen(sandbox: Sandbox, request_id: str, payment_id: str, fine: str = "AM-2026-000123") -> Answer:
    return sandbox.post(f"/registry/amendes/{fine}/reopen", {"request_id": request_id, "payment_id": payment_id})


def test_a_fine_is_due_again_when_its_payment_reopens_it(sandbox: Sandbox) -> None:
    sandbox.settle("pay-7:settle:AM-2026-000123", payment_id="pay-7")

    assert reopen(sandbox, "r1", "pay-8").json["reason"] == "NOT_PAID"
    assert reopen(sandbox, "r2", "pay-7").json["status"] == "SUCCESSFUL"
    assert reopen(sandbox, "r2", "pay-7").json["status"] == "SUCCESSFUL"

    assert sandbox.get("/registry/amendes/AM-2026-000123").json["status"] == "DUE"
    assert reopen(sandbox, "r3", "pay-7").json["reason"] == "NOT_PAID"
    assert sandbox.really("reopenings") == ["r2"]
    assert sandbox.settle("pay-9:settle:AM-2026-000123", payment_id="pay-9").json["status"] == "SUCCESSFUL"


def test_an_invalid_reopening_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.post("/registry/amendes/AM-2026-000123/reopen", {"request_id": "r1"}).status_code == 400
