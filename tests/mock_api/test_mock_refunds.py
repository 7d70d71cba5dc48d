"""The operator's refunds: only of what was taken, and no more than that."""

from typing import Any

import pytest

from tests.sandbox import Sandbox


def test_a_refund_gives_back(sandbox: Sandbox) -> None:
    sandbox.debit()
    answer = sandbox.refund()

    assert (answer.status_code, answer.json["status"]) == (200, "SUCCESSFUL")
    (refund,) = sandbox.truth()["refunds"]
    assert refund.items() >= {"request_id": "r1", "debit_request_id": "d1", "amount": "25000"}.items()
    assert refund["transaction_id"] == answer.json["transaction_id"]
    assert sandbox.refund().json == answer.json
    assert sandbox.really("refunds") == ["r1"]


def test_refunds_together_do_not_exceed_the_debit(sandbox: Sandbox) -> None:
    sandbox.debit(amount="100.50")

    assert sandbox.refund("r1", amount="60.25").json["status"] == "SUCCESSFUL"
    too_much = sandbox.refund("r2", amount="40.26").json
    assert (too_much["status"], too_much["reason"]) == ("FAILED", "LIMIT_EXCEEDED")
    assert sandbox.refund("r3", amount="40.25").json["status"] == "SUCCESSFUL"
    assert sandbox.refund("r4", amount="0.01").json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.really("refunds") == ["r1", "r3"]


def test_a_refund_needs_its_debit(sandbox: Sandbox) -> None:
    assert sandbox.refund(debit="nothing").json["reason"] == "PAYER_NOT_FOUND"


@pytest.mark.parametrize("other", [{"msisdn": "+2250707000012"}, {"currency": "EUR"}])
def test_a_refund_goes_to_the_same_payer_in_the_same_currency(sandbox: Sandbox, other: dict[str, Any]) -> None:
    sandbox.debit()
    assert sandbox.refund(**other).json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.really("refunds") == []


def test_a_debit_that_took_nothing_gives_nothing_back(sandbox: Sandbox) -> None:
    refused, pending = "+2250707000002", "+2250707000006"
    sandbox.debit("d1", refused)
    sandbox.debit("d2", pending)

    assert sandbox.refund("r1", "d1", msisdn=refused).json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.refund("r2", "d2", msisdn=pending).json["reason"] == "LIMIT_EXCEEDED"


def test_magic_phones_get_their_money_back_like_others(sandbox: Sandbox) -> None:
    phone = "+2250707000003"
    sandbox.debit(phone=phone)
    assert sandbox.refund(msisdn=phone).json["status"] == "SUCCESSFUL"


def test_an_invalid_refund_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.refund(amount="0").status_code == 400
    assert sandbox.refund(reason="not part of a refund").status_code == 400


def test_a_pending_refund_counts_when_it_completes(sandbox: Sandbox) -> None:
    sandbox.debit()
    sandbox.script({"call": "refund", "answer": "pending"})
    assert sandbox.refund("r1").status_code == 202
    assert sandbox.refund("r2").json["status"] == "SUCCESSFUL"

    sandbox.now += 20

    assert sandbox.get("/operator/requests/r1").json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.really("refunds") == ["r2"]
