"""Payments are given back by real processes, in all set-ups, and the partners' own record agrees."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.e2e.kit import EVERY_SETUP, FAST, Json, Payments

ADMIN = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
PHONE = "+2250707000011"
AT_ONCE = 100


def ask(payments: Payments, payment: Json, **form: object) -> requests.Response:
    headers = ADMIN | ({"Idempotency-Key": str(form.pop("key"))} if "key" in form else {})
    return payments.post(f"/v1/operations/{payment['id']}/refunds", {"reason": "sold before", **form}, headers)


def status_at_registry(payments: Payments, fine: str) -> str:
    return str(requests.get(f"{payments.stack.mock_api}/registry/amendes/{fine}", timeout=10).json()["status"])


@EVERY_SETUP
def test_a_payment_that_is_given_back_can_be_made_again(payments: Payments) -> None:
    payment = payments.pay(PHONE)
    fine = payment["amendes"][0]["id"]
    assert (payment["status"], status_at_registry(payments, fine)) == ("succeeded", "PAID")

    refund = payments.end(ask(payments, payment), headers=ADMIN)

    assert (refund["status"], refund["amount"], refund["way"]) == ("succeeded", str(payment["amount"]), "refund")
    assert payments.truth(refund)["refunds"][0]["amount"] == str(payment["amount"])
    assert status_at_registry(payments, fine) == "DUE"
    again = payments.pay(PHONE, fine)
    assert again["id"] != payment["id"]
    assert (again["status"], status_at_registry(payments, fine)) == ("succeeded", "PAID")


@EVERY_SETUP
def test_a_hundred_refunds_at_once_give_back_exactly_what_was_paid(payments: Payments) -> None:
    payment = payments.pay(PHONE)
    part = payment["amount"] // 10

    with ThreadPoolExecutor(AT_ONCE) as clerks:
        answers = list(clerks.map(lambda n: ask(payments, payment, amount=part, key=n), range(AT_ONCE)))
    refunds = [payments.end(answer, headers=ADMIN) for answer in answers if answer.status_code == 202]

    assert {answer.status_code for answer in answers} <= {202, 409}
    done = [refund for refund in refunds if refund["status"] == "succeeded"]
    assert len(done) == 10
    assert {refund["reason"]["code"] for refund in refunds if refund not in done} <= {"refund_exceeds_payment"}
    assert [refund for refund in refunds if payments.truth(refund)["refunds"]] == done
    assert payments.get(f"/amendes/payments/{payment['id']}").json()["refunded"] == payment["amount"]
    # The one with the last of the money has the city ask for the fine again
    (last,) = (refund for refund in done if refund["items"])
    assert last["items"] == [payment["amendes"][0]["id"]]
    assert status_at_registry(payments, last["items"][0]) == "DUE"
    assert not any(payments.audit()["discrepancies"].values())
