"""People, their wallets, and services paid from them, through real processes in all set-ups."""

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
import requests

from core.clock import SystemClock
from core.identity.people import People
from devtools.stack import Stack
from tests.e2e.kit import EVERY_SETUP, FAST, Json, Payments, Person, ops

ADMIN = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
PRICE = 500

_numbers = count(1)


def person(payments: Payments, money: int = 0, kind: str = "clear") -> Person:
    """Somebody new, with so much money. kind: how the screening services answer, by how the username begins."""
    number = next(_numbers)
    found = Person(payments, f"{kind}-{number}", f"+2250505{number:04d}10")
    if money:
        found.top_up(money)
    return found


def service(payments: Payments, headers: dict[str, str], price: int = PRICE) -> str:
    """The id of a new service."""
    body = {"name": f"Parking permit {next(_numbers)}", "price": price}
    answer = requests.post(f"{payments.stack.api}/v1/services/create", json=body, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def pay(payer: Person, service: str, key: str | None = None) -> requests.Response:
    return payer.ask("/v1/payments", {"service_id": service}, key)


@EVERY_SETUP
def test_a_person_registers_tops_up_and_pays_a_service_of_an_admin(payments: Payments) -> None:
    made = ops(
        "ops", "people", "create-admin", "the-admin", typed="tell nobody\n", environment=payments.stack.environment
    )
    assert made.returncode == 0, made.stderr
    admin = Person(payments, "the-admin", password="tell nobody", registers=False)
    offered = service(payments, {"Authorization": f"Bearer {admin.token}"})
    payer = person(payments, 10 * PRICE)
    cheaper = f"{payments.stack.api}/v1/services/{offered}"
    refused = requests.patch(cheaper, json={"price": 1}, headers={"Authorization": f"Bearer {payer.token}"}, timeout=30)
    assert (payer.money(), refused.status_code) == ((10 * PRICE, 0), 403)
    listed = requests.get(f"{payments.stack.api}/v1/services/list", timeout=30).json()["services"]
    assert (listed[0]["id"], listed[0]["price"]) == (offered, str(PRICE))
    paid = payer.end(pay(payer, offered))
    assert (paid["status"], paid["amount"], paid["service_id"]) == ("succeeded", str(PRICE), offered)
    assert payer.money() == (9 * PRICE, 0)
    entries = payer.get("/v1/wallets/me/entries").json()["entries"]
    assert [(entry["what"], entry["amount"]) for entry in entries] == [
        ("service_payment", str(-PRICE)),
        ("wallet_top_up", str(10 * PRICE)),
    ]


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("rejected", "failed", "screening_rejected"),
        ("listed", "failed", "screening_listed"),
        ("flaky", "succeeded", None),
    ],
)
def test_what_the_screening_says_decides(payments: Payments, kind: str, status: str, reason: str | None) -> None:
    payer = person(payments, 2 * PRICE, kind)
    payment = payer.end(pay(payer, service(payments, ADMIN)))
    assert (payment["status"], (payment["reason"] or {}).get("code")) == (status, reason)
    assert payer.money() == (PRICE if status == "succeeded" else 2 * PRICE, 0)


@EVERY_SETUP
def test_of_a_hundred_payments_at_once_the_ten_that_the_wallet_affords_succeed(payments: Payments) -> None:
    """No worker runs while they are asked for: what is neither spent nor held yet could pay each of them."""
    payer, offered, stack = person(payments, 10 * PRICE), service(payments, ADMIN), payments.stack
    stack.stop(["worker"])
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda number: pay(payer, offered, f"key-{number}"), range(100)))
    stack.start(["worker"])
    stack.start(["worker"], label="-2")
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["payment_id"] for answer in answers}) == 100
    ends = [payer.end(answer) for answer in answers]
    stack.stop(["worker-2"])
    outcomes = Counter((payment["status"], (payment["reason"] or {}).get("code")) for payment in ends)
    assert outcomes == {("succeeded", None): 10, ("failed", "insufficient_funds"): 90}
    assert payer.money() == (0, 0)
    assert pay(payer, offered).status_code == 422


def test_logs_contain_no_password_no_token_and_no_phone(payments: Payments) -> None:
    password = "plum orchard 7731"
    payer = Person(payments, f"clear-{next(_numbers)}", "+2250505887310", password)
    payee = Person(payments, f"clear-{next(_numbers)}", "+2250505887410", password)
    with closing(payments.stack.open_store()) as store:
        found = People(store, SystemClock()).naming("+2250505887410")
        assert found is not None
        People(store, SystemClock()).prove_phone(found.id, "+2250505887410")
    assert payer.sign_in("plum orchard 7732").status_code == 401
    again = {"username": payer.username, "password": password, "msisdn": payer.phone}
    assert requests.post(f"{payments.stack.api}/v1/auth", json=again, timeout=30).status_code == 409
    payments.script({"call": "debit", "answer": "504-done", "match": payer.phone})
    payer.top_up(PRICE)
    sent = payer.end(payer.ask("/v1/wallets/transfers", {"to": "05 05 88 74 10", "amount": PRICE, "note": payer.phone}))
    assert (sent["status"], sent["to"], payee.money()) == ("succeeded", payee.username, (PRICE, 0))
    logs = {path.name: path.read_text() for path in payments.stack.var_dir.glob("*.log")}
    assert sent["id"] in logs["worker.log"]
    # Long enough to stand in no id and no time by chance; nine digits are in every spelling of a number.
    secret = ("plum orchard", payer.token, payee.token, FAST["ADMIN_TOKEN"], "505887310", "505887410", "05 05 88")
    ours = "".join(log for name, log in logs.items() if name.startswith(("api", "worker")))
    assert [text for text in secret if text in ours] == []


@EVERY_SETUP
def test_after_all_this_no_money_is_lost_and_none_is_made(payments: Payments) -> None:
    found = payments.audit()
    assert found["oldest_unfinished"] is None
    accounts = found["ledger"]["XOF"]
    assert accounts["wallets"] > 0
    assert sum(accounts.values()) == 0


def test_transfers_of_a_worker_that_is_killed_end_once_with_the_next(tmp_path: Path) -> None:
    """The first ones have ended when it is killed, and others are somewhere between."""
    each, number = 10, 100
    with Stack(tmp_path, {**FAST, "PARTNER_TIMEOUT_S": "0.5"}) as stack:
        stack.start()
        payments = Payments(stack)
        payer, payee = person(payments, each * number), person(payments)
        stack.stop(["worker"])
        answers = [
            payer.ask("/v1/wallets/transfers", {"to": payee.username, "amount": each}, f"key-{n}")
            for n in range(number)
        ]
        stack.start(["worker"])
        while not sent(payer, "succeeded"):
            time.sleep(0.01)
        stack.stop(["worker"], by=signal.SIGKILL)
        assert sent(payer, "processing")
        stack.start(["worker"], label="-2")
        assert {payer.end(answer)["status"] for answer in answers} == {"succeeded"}
        assert (payer.money(), payee.money()) == ((0, 0), (each * number, 0))
        assert payments.audit()["statuses"] == {"succeeded": number + 1}


def sent(payer: Person, status: str) -> list[Json]:
    """The transfers that stand so."""
    found: list[Json] = payer.get(f"/v1/wallets/transfers?status={status}").json()["transfers"]
    return found
