"""Operators of every dialect at once, on real processes: a payment to each ends well through its fault."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from core.dialects import DIALECTS
from devtools.databases import own_database
from devtools.rabbit import Rabbit, own_vhost
from devtools.stack import Stack
from devtools.stores import StoreServer
from tests.conformance.kit import MARKETS, REDIRECTS
from tests.e2e.kit import ENDED, FAST, SETUPS, Payments

OPERATORS = {
    **FAST,
    "OPERATORS": ",".join(DIALECTS),
    "MOCK_APPROVAL_S": "0.5",
    "DARAJA_INITIATOR": "sandbox",
    "DARAJA_SECURITY_CREDENTIAL": "sandbox",
}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "generic": [{"call": "debit", "answer": "504-done"}],
    "mtn": [{"call": "debit", "answer": "504-lost"}, {"call": "request", "answer": "500"}],
    "gsma": [{"call": "debit", "answer": "reset"}],
    "mvola": [{"call": "debit", "answer": "504-done"}, {"call": "callback", "answer": "twice"}],
    "airtel": [{"call": "debit", "answer": "ambiguous"}, {"call": "request", "answer": "token-expired"}],
    "orange-cm": [{"call": "debit", "answer": "504-late", "late_s": 1}],
    "orange-webpay": [{"call": "debit", "answer": "504-lost"}],
    "daraja": [{"call": "debit", "answer": "504-done"}, {"call": "callback", "answer": "late", "late_s": 1}],
    "wave": [{"call": "debit", "answer": "truncated"}, {"call": "callback", "answer": "never"}],
}


@pytest.fixture(scope="module", params=SETUPS)
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    """Both set-ups, each with an operator of every dialect."""
    folder = tmp_path_factory.mktemp("operators")
    if request.param == "embedded":
        yield from _installation(folder, {})
        return
    mongodb: StoreServer = request.getfixturevalue("mongodb")
    rabbit: Rabbit = request.getfixturevalue("rabbit")
    with own_database(mongodb.url) as store_url, own_vhost(rabbit) as broker_url:
        yield from _installation(folder, {"STORE_URL": store_url, "BROKER_URL": broker_url})


def _installation(folder: Path, servers: dict[str, str]) -> Iterator[Payments]:
    with Stack(folder, {**OPERATORS, **servers}) as stack:
        stack.migrate()
        stack.start()
        yield Payments(stack)


def test_a_payment_to_each_operator_ends_well_through_its_fault(installation: Payments) -> None:
    asked = {}
    for dialect in DIALECTS:
        phone, currency, _ = MARKETS[dialect]
        name = {"generic": ""}.get(dialect, dialect.replace("-", "_"))
        installation.script(*({**rule, **({"dialect": name} if name else {})} for rule in FAULTS[dialect]))
        asked[dialect] = installation.ask({**installation.body(phone, currency=currency), "operator": dialect})
    for dialect, answer in asked.items():
        assert answer.status_code == 202, f"{dialect}: {answer.text}"
        payment = installation.end(answer)
        assert payment["status"] == "succeeded", f"{dialect}: {json.dumps(payment, indent=1)}"
    found = installation.audit()
    assert found["discrepancies"] == {}
    assert found["effects"]["debit"] == len(DIALECTS)


@pytest.mark.parametrize("dialect", REDIRECTS)
def test_a_redirect_operator_says_where_the_payer_confirms(installation: Payments, dialect: str) -> None:
    phone, currency, _ = MARKETS[dialect]
    slow = f"{phone[:-2]}06"
    answer = installation.ask({**installation.body(slow, currency=currency), "operator": dialect})
    pages, etag = [], ""
    while (shown := installation.follow(answer, etag)).json()["status"] not in ENDED:
        pages.append(shown.json()["next_action"])
        etag = shown.headers["ETag"]
    (page,) = {found["url"] for found in pages if found}
    assert page.startswith(f"{installation.stack.mock_api}/{dialect}/")
    assert (shown.json()["status"], shown.json()["next_action"]) == ("succeeded", None)


def test_the_operators_own_words_are_kept(installation: Payments) -> None:
    phone, currency, _ = MARKETS["mtn"]
    body = {**installation.body(phone[:-2] + "02", currency=currency), "operator": "mtn"}
    payment = installation.end(installation.ask(body))
    assert (payment["status"], payment["reason"]["code"]) == ("failed", "insufficient_funds")
    headers = {"Authorization": f"Bearer {OPERATORS['ADMIN_TOKEN']}"}
    shown = installation.get(f"/v1/operations/{payment['id']}", headers).json()
    (debit,) = (step for step in shown["steps"] if step["name"] == "debit")
    assert (shown["operator"], debit["result"]["reason"]) == ("mtn", "NOT_ENOUGH_FUNDS")
    assert "NOT_ENOUGH_FUNDS" in debit["calls"][-1]["said"]["body"]


def test_a_payout_reaches_the_phone_and_the_audit_knows_it(installation: Payments) -> None:
    headers = {"Authorization": f"Bearer {OPERATORS['ADMIN_TOKEN']}"}
    phone, currency, _ = MARKETS["gsma"]
    order = {"msisdn": phone, "amount": 500, "currency": currency, "operator": "gsma"}
    answer = installation.post("/v1/payouts", order, headers)
    assert installation.end(answer, headers=headers)["status"] == "succeeded"
    assert installation.audit()["effects"]["payout"] == 1


def test_a_huge_callback_is_taken_and_its_connection_can_be_used_again(installation: Payments) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"{installation.stack.api}/callbacks/mtn/forged", data=b"x" * 10**6, timeout=30)
            assert answer.status_code == 200
            assert session.get(f"{installation.stack.api}/healthz", timeout=30).status_code == 200
