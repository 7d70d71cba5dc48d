"""A fine is paid by real processes, in all set-ups, and the partners' own record agrees."""

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from devtools.stack import ROOT
from tests.e2e.kit import EVERY_SETUP, Json, Payments


def readme_request() -> Json:
    """The body of the README's curl, which asks for what the lookup shows."""
    curl = re.search(r"^curl .*?(?=\n```)", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert curl
    words = shlex.split(curl[0])
    body: Json = json.loads(words[words.index("-d") + 1])
    return body


UNKNOWN, CANCELLED, PAID, REFUSED_LATE = (f"AM-2026-99000{n}" for n in range(1, 5))


@EVERY_SETUP
@pytest.mark.parametrize(
    ("phone", "status", "reason"),
    [
        ("+2250707000001", "succeeded", None),
        ("+2250707000002", "failed", "insufficient_funds"),
        ("+2250707000003", "succeeded", None),
        ("+2250707000004", "succeeded", None),
        ("+2250707000005", "succeeded", None),
        ("+2250707000006", "succeeded", None),
        ("+2250707000007", "failed", "not_approved"),
    ],
)
def test_each_magic_phone_ends_as_its_row_says(payments: Payments, phone: str, status: str, reason: str | None) -> None:
    payment = payments.pay(phone)
    amount, fine = str(payment["amount"]), payment["amendes"][0]
    assert payment["status"] == status
    assert (payment["reason"] or {}).get("code") == reason
    if status == "succeeded":
        assert fine["status"] == "paid"
        assert payments.effects(payment) == ([amount], [], [fine["id"]])
    else:
        assert fine["status"] == "unpaid"
        assert payments.effects(payment) == ([], [], [])


@EVERY_SETUP
def test_a_hundred_identical_requests_at_once_are_one_payment_and_one_debit(payments: Payments) -> None:
    body = payments.body("+2250707000011")
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda _: payments.ask(body), range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1
    payment = payments.end(answers[0])
    assert payments.effects(payment) == ([str(payment["amount"])], [], [body["amendes"][0]["id"]])


@EVERY_SETUP
def test_the_registrys_lookup_answer_is_paid_as_it_is(payments: Payments) -> None:
    url = f"{payments.stack.mock_api}/registry/amendes"
    due = requests.get(url, {"immatriculation": "AB-123-CD"}, timeout=10).json()
    payment = payments.end(payments.ask(due))
    assert payment["status"] == "succeeded"
    assert payments.effects(payment)[2] == ["AM-2026-000123", "AM-2026-000124"]
    assert requests.get(url, {"immatriculation": "AB-123-CD"}, timeout=10).json()["amendes"] == []
    again = payments.ask(readme_request())
    assert (again.status_code, again.json()["id"]) == (202, payment["id"])


@pytest.mark.parametrize(
    ("fine", "reason"), [(UNKNOWN, "unknown_fine"), (CANCELLED, "fine_cancelled"), (PAID, "fine_already_paid")]
)
def test_what_the_registry_does_not_want_paid_is_not_debited(payments: Payments, fine: str, reason: str) -> None:
    payment = payments.pay("+2250707000012", fine)
    assert (payment["status"], payment["reason"]["code"]) == ("failed", reason)
    assert (payment["amendes"][0]["status"], payment["amendes"][0]["reason"]) == ("unpaid", reason)
    assert payments.effects(payment) == ([], [], [])


def test_an_amount_that_the_registry_does_not_know_is_not_debited(payments: Payments) -> None:
    body = payments.body("+2250707000012")
    body["amendes"][0]["amount"] += 1
    body["amount"] += 1
    payment = payments.end(payments.ask(body))
    assert (payment["status"], payment["reason"]["code"]) == ("failed", "fine_amount_mismatch")


@EVERY_SETUP
def test_all_settlements_refused_gives_all_the_money_back(payments: Payments) -> None:
    payment = payments.pay("+2250707000013", REFUSED_LATE)
    amount = str(payment["amount"])
    assert payment["status"] == "refunded"
    assert payment["refunded"] == payment["amount"]
    assert payment["amendes"][0]["status"] == "refunded"
    assert payments.effects(payment) == ([amount], [amount], [])
    assert payments.ask(payments.body("+2250707000013", REFUSED_LATE)).json()["id"] != payment["id"]


@EVERY_SETUP
def test_some_settlements_refused_gives_exactly_their_money_back(payments: Payments) -> None:
    good = payments.body("+2250707000014")["amendes"][0]
    payment = payments.pay("+2250707000014", good["id"], "AM-2026-990005")
    refused = payment["amount"] - good["amount"]
    assert payment["status"] == "partially_succeeded"
    assert payment["refunded"] == refused
    assert {fine["id"]: fine["status"] for fine in payment["amendes"]} == {
        good["id"]: "paid",
        "AM-2026-990005": "refunded",
    }
    assert payments.effects(payment) == ([str(payment["amount"])], [str(refused)], [good["id"]])


@EVERY_SETUP
def test_two_different_requests_that_share_a_fine_debit_once(payments: Payments) -> None:
    shared = payments.body("+2250707000006")["amendes"][0]["id"]
    first = payments.ask(payments.body("+2250707000006", shared))
    payments.script()
    requests.get(first.json()["status_url"], headers={"Prefer": "wait=1"}, timeout=10)
    refused = payments.ask(payments.body("+2250707000015", shared))
    assert (refused.status_code, refused.json()["code"]) == (409, "fine_being_paid")
    assert int(refused.headers["Retry-After"]) > 250
    assert payments.end(first)["status"] == "succeeded"
    second = payments.pay("+2250707000015", shared)
    assert (second["status"], second["reason"]["code"]) == ("failed", "fine_already_claimed")
    assert "by" not in second["reason"]
    assert payments.effects(second) == ([], [], [])


@pytest.mark.parametrize(
    "answer", ["504-lost", "504-done", "504-late", "html", "truncated", "wrong-id", "reset", "503"]
)
@pytest.mark.parametrize("call", ["debit", "settle"])
def test_whatever_a_partner_answers_it_is_done_once(payments: Payments, call: str, answer: str) -> None:
    body = payments.body("+2250707000016")
    fine = body["amendes"][0]["id"]
    match = {"settle": fine, "debit": fine}[call]
    payments.script({"call": call, "answer": answer, "match": match})
    payment = payments.end(payments.ask(body))
    assert payment["status"] == "succeeded"
    assert payments.effects(payment) == ([str(payment["amount"])], [], [fine])


@EVERY_SETUP
def test_the_operators_list_finds_the_payment(payments: Payments) -> None:
    payment = payments.pay("+2250707000017")
    url = f"{payments.stack.api}/amendes/payments/"
    token = {"Authorization": "Bearer operator-token"}
    found = requests.get(url, {"msisdn": "+2250707000017", "limit": "1"}, headers=token, timeout=10).json()
    assert [item["id"] for item in found["payments"]] == [payment["id"]]
    assert requests.get(url, timeout=10).status_code == 401


@EVERY_SETUP
def test_after_all_this_the_audit_is_clean(payments: Payments) -> None:
    found = payments.audit()
    assert found["effects"]["debit"] > 10
    assert found["oldest_unfinished"] is None
