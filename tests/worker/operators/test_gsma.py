"""What every answer of the GSMA Mobile Money API means, and what is sent there."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from tests.worker.operators.kit import CALLBACK, LOST, connect, cut, demand, last, paths, same, serve
from worker.partners.operators.gsma import Gsma
from worker.partners.operators.port import Demand, Holder
from worker.partners.port import (
    Confirmed,
    Declined,
    Mismatch,
    NotFound,
    Pending,
    Reply,
    Unavailable,
    Unknown,
)

PAY = "/transactions/type/merchantpay"
OUR_ID = "f65a3632-53d9-4a49-b59b-041e0c4d3089"
PHONE = "+2250707000001"
DEBIT = demand(PHONE, 15000, "XOF", text="AM-2026-000123")
REFUND = replace(DEBIT, reference="op-1:refund", debit=replace(DEBIT, known={"transaction_reference": "REF8912"}))
STATE = {
    "serverCorrelationId": "s-1",
    "status": "pending",
    "notificationMethod": "polling",
    "expiryTime": "2026-01-01T12:10:00Z",
    "pollLimit": 3,
}
TRANSACTION = {
    "transactionReference": "REF8912",
    "transactionStatus": "completed",
    "amount": "15000.00",
    "currency": "XOF",
    "debitParty": [{"key": "walletid", "value": "9"}, {"key": "msisdn", "value": PHONE}],
    "creditParty": [{"key": "accountid", "value": "CITY-01"}],
}
DONE = Confirmed({"transaction_reference": "REF8912"})
POLLED = {"server_correlation_id": "s-1", "expires_at": "2026-01-01T12:10:00Z", "poll_limit": 3}


def error(code: str, category: str = "businessRule") -> dict[str, Any]:
    return {"errorCategory": category, "errorCode": code, "errordescription": "said so"}


def declined(code: str, reason: str) -> Declined:
    return Declined(code, {"reason": reason})


TRANSACTIONS: list[tuple[Any, Reply | type[Reply]]] = [
    (TRANSACTION, DONE),
    ({"transactionReference": "REF8912", "transactionStatus": "Completed"}, DONE),
    ({**TRANSACTION, "debitParty": [{"key": "walletid", "value": "9"}]}, DONE),
    ({**TRANSACTION, "transactionStatus": "pending"}, Pending()),
    ({**TRANSACTION, "transactionStatus": "failed"}, Declined("declined")),
    (
        {**TRANSACTION, "transactionStatus": "failed", **error("insufficientFunds")},
        declined("insufficient_funds", "insufficientFunds"),
    ),
    ({**TRANSACTION, "amount": "15001"}, Mismatch("another amount")),
    ({**TRANSACTION, "amount": "much"}, Mismatch("another amount")),
    ({**TRANSACTION, "currency": "XAF"}, Mismatch("another currency")),
    ({**TRANSACTION, "debitParty": [{"key": "msisdn", "value": "+2250707000002"}]}, Mismatch("another phone")),
    ({**TRANSACTION, "transactionStatus": "failed", "amount": "15001"}, Mismatch("another amount")),
    ({**TRANSACTION, "transactionStatus": "reversed"}, Unknown),
    ({**TRANSACTION, "transactionStatus": 1}, Unknown),
    ({**TRANSACTION, "transactionReference": ""}, Unknown),
    ("{}", Unknown),
    ("<html>welcome</html>", Unknown),
]
SUBMIT: list[tuple[int, Any, Reply | type[Reply]]] = [
    *((201, body, reply) for body, reply in TRANSACTIONS),
    (202, STATE, Pending(POLLED)),
    (202, {"serverCorrelationId": "s-1", "status": "pending"}, Pending({"server_correlation_id": "s-1"})),
    (202, {"status": "completed", "objectReference": "REF8912", "pollLimit": True}, Pending()),
    (202, {**STATE, "status": "failed"}, Declined("declined")),
    (202, "<html>wait</html>", Unknown),
    (202, {**STATE, "status": "maybe"}, Unknown),
    (200, TRANSACTION, Unknown),
    (400, error("duplicateRequest"), Pending()),
    (409, "{}", Pending()),
    (400, error("insufficientFunds"), declined("insufficient_funds", "insufficientFunds")),
    (400, error("dailyVolumeLimitExceeded"), declined("limit_exceeded", "dailyVolumeLimitExceeded")),
    (400, error("monthlyValueLimitExceeded"), declined("limit_exceeded", "monthlyValueLimitExceeded")),
    (400, error("accountMaxTotalValueExceeded"), declined("limit_exceeded", "accountMaxTotalValueExceeded")),
    (400, error("greaterThanTransactionMaxValue"), declined("limit_exceeded", "greaterThanTransactionMaxValue")),
    (400, error("lessThanTransactionMinValue"), declined("limit_exceeded", "lessThanTransactionMinValue")),
    (400, error("identifierError", "validation"), declined("payer_not_found", "identifierError")),
    (404, error("genericError", "identification"), declined("payer_not_found", "genericError")),
    (400, error("requestDeclined", "authorisation"), declined("not_approved", "requestDeclined")),
    (
        400,
        error("clientAuthorisationError", "authorisation"),
        declined("operator_misconfigured", "clientAuthorisationError"),
    ),
    (400, error("noMandateAuthority", "authorisation"), declined("declined", "noMandateAuthority")),
    (400, error("samePartiesError"), declined("declined", "samePartiesError")),
    (400, error("formatError", "validation"), declined("refused_as_invalid", "formatError")),
    (400, error("genericError", "internal"), Unknown),
    (400, error("genericError", "weather"), Unknown),
    (400, error("rateLimitError"), Unavailable("rateLimitError", 7)),
    (400, error("genericError", "serviceUnavailable"), Unavailable("genericError", 7)),
    (400, "{}", Unknown),
    (404, "<html>nowhere</html>", Unknown),
    (401, error("clientAuthorisationError", "authorisation"), Unavailable("HTTP 401", 7)),
    (429, "", Unavailable("HTTP 429", 7)),
    (503, error("genericError", "serviceUnavailable"), Unavailable("HTTP 503", 7)),
    (500, error("genericError", "internal"), Unknown),
    (500, error("insufficientFunds"), Unknown),
    (500, error("genericError", "serviceUnavailable"), Unknown),
    (302, "", Unknown),
    (504, TRANSACTION, Unknown),
]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gsma(httpserver: HTTPServer, clock: FakeClock) -> Gsma:
    adapter = connect("gsma", httpserver.url_for(""), clock, KEY="key-1", ACCOUNT="CITY-01")
    assert isinstance(adapter, Gsma)
    return adapter


@pytest.mark.parametrize(("status", "body", "expected"), SUBMIT)
def test_answers_to_a_debit(
    httpserver: HTTPServer, gsma: Gsma, status: int, body: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, {PAY: (status, body)})
    assert same(gsma.debits.submit(DEBIT), expected)


def test_a_lost_answer_is_no_refusal(httpserver: HTTPServer, gsma: Gsma) -> None:
    httpserver.expect_request(PAY).respond_with_handler(cut)
    assert gsma.debits.submit(DEBIT) == LOST


def test_what_a_debit_sends(httpserver: HTTPServer, gsma: Gsma) -> None:
    serve(httpserver, {PAY: (202, STATE)})
    gsma.debits.submit(replace(DEBIT, callback_url=CALLBACK))
    request = last(httpserver)
    assert request.method == "POST"
    assert request.json == {
        "amount": "15000",
        "currency": "XOF",
        "requestingOrganisationTransactionReference": "op-1:debit",
        "debitParty": [{"key": "msisdn", "value": PHONE}],
        "creditParty": [{"key": "accountid", "value": "CITY-01"}],
        "descriptionText": "AM-2026-000123",
        "requestDate": "2026-01-01T12:00:00.000000Z",
    }
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Content-Hash"] == hashlib.sha256(request.data).hexdigest()
    assert request.headers["X-CorrelationID"] == OUR_ID
    assert request.headers["X-Date"] == "2026-01-01T12:00:00.000000Z"
    assert request.headers["X-API-Key"] == "key-1"
    assert request.headers["X-Callback-URL"] == CALLBACK
    assert "X-Client-Id" not in request.headers


def test_what_is_not_configured_is_not_sent(httpserver: HTTPServer) -> None:
    serve(httpserver, {PAY: (202, STATE)})
    connect("gsma", httpserver.url_for(""), CLIENT_ID="client-1").debits.submit(
        demand(PHONE, 1250, "BRL", text="x" * 200)
    )
    assert "X-Callback-URL" not in last(httpserver).headers
    assert last(httpserver).headers["X-Client-Id"] == "client-1"
    sent = last(httpserver).json
    assert sent is not None
    assert (sent["amount"], len(sent["descriptionText"])) == ("12.50", 160)


STATE_URL, RESPONSE_URL, TRANSACTION_URL = "/requeststates/s-1", f"/responses/{OUR_ID}", "/transactions/REF8912"
COMPLETED = {**STATE, "status": "completed", "objectReference": "REF8912"}
LINK = {"link": "/transactions/REF8912"}
ASK: list[tuple[Any, Reply | type[Reply]]] = [
    ({STATE_URL: (200, STATE)}, Pending({"polls": 1})),
    ({STATE_URL: (200, COMPLETED), TRANSACTION_URL: (200, TRANSACTION)}, DONE),
    ({STATE_URL: (200, {"status": "completed"}), RESPONSE_URL: (200, LINK), TRANSACTION_URL: (200, TRANSACTION)}, DONE),
    ({STATE_URL: (404, "{}"), RESPONSE_URL: (200, LINK), TRANSACTION_URL: (200, TRANSACTION)}, DONE),
    ({STATE_URL: (404, "{}"), RESPONSE_URL: (404, "{}")}, NotFound()),
    ({STATE_URL: (200, {**STATE, "status": "failed"})}, Declined("declined")),
    (
        {STATE_URL: (200, {"status": "failed", **error("requestDeclined")})},
        declined("not_approved", "requestDeclined"),
    ),
    ({STATE_URL: (200, COMPLETED), TRANSACTION_URL: (404, "{}")}, Unknown),
    ({STATE_URL: (200, COMPLETED), TRANSACTION_URL: (503, "")}, Unavailable("HTTP 503", 7)),
    ({STATE_URL: (200, {"status": "maybe"})}, Unknown),
    ({STATE_URL: (200, "<html>")}, Unknown),
    ({STATE_URL: (500, COMPLETED)}, Unknown),
    ({STATE_URL: (401, "")}, Unavailable("HTTP 401", 7)),
    ({STATE_URL: (429, "")}, Unavailable("HTTP 429", 7)),
]


@pytest.mark.parametrize(("answers", "expected"), ASK)
def test_asking_by_the_operators_id(
    httpserver: HTTPServer, gsma: Gsma, answers: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, answers)
    assert gsma.debits.ask is not None
    assert same(gsma.debits.ask(replace(DEBIT, known=POLLED)), expected)
    assert paths(httpserver) == list(answers)


RECOVER: list[tuple[Any, Reply | type[Reply]]] = [
    ({RESPONSE_URL: (404, "{}")}, NotFound()),
    ({RESPONSE_URL: (404, "<html>")}, NotFound()),
    ({RESPONSE_URL: (200, "{}")}, Unknown),
    ({RESPONSE_URL: (200, {"link": "/accounts/REF8912"})}, Unknown),
    ({RESPONSE_URL: (500, LINK)}, Unknown),
    ({RESPONSE_URL: (503, "")}, Unavailable("HTTP 503", 7)),
    ({RESPONSE_URL: (200, LINK), TRANSACTION_URL: (404, "{}")}, Unknown),
    ({RESPONSE_URL: (200, LINK), TRANSACTION_URL: (500, TRANSACTION)}, Unknown),
    *(({RESPONSE_URL: (200, LINK), TRANSACTION_URL: (200, body)}, reply) for body, reply in TRANSACTIONS),
    ({RESPONSE_URL: (200, {"link": "https://h/v1/transactions/R%2F1"}), "/transactions/R/1": (200, TRANSACTION)}, DONE),
]


@pytest.mark.parametrize(("answers", "expected"), RECOVER)
def test_asking_by_our_id(httpserver: HTTPServer, gsma: Gsma, answers: Any, expected: Reply | type[Reply]) -> None:
    serve(httpserver, answers)
    assert gsma.debits.ask is not None
    assert same(gsma.debits.ask(DEBIT), expected)
    assert paths(httpserver) == list(answers)
    assert "X-Content-Hash" not in last(httpserver).headers


@pytest.mark.parametrize(
    ("known", "after_s", "asked"),
    [
        ({**POLLED, "polls": 2}, 0, STATE_URL),
        ({**POLLED, "polls": 3}, 0, RESPONSE_URL),
        (POLLED, 599, STATE_URL),
        (POLLED, 600, RESPONSE_URL),
        ({**POLLED, "expires_at": "2026-01-01T12:10:00"}, 600, RESPONSE_URL),
        ({**POLLED, "expires_at": "soon"}, 10**6, STATE_URL),
        ({"server_correlation_id": "s-1", "polls": 10**6}, 10**6, STATE_URL),
        ({}, 0, RESPONSE_URL),
    ],
)
def test_a_request_is_polled_as_often_and_as_long_as_the_operator_allows(
    httpserver: HTTPServer, gsma: Gsma, clock: FakeClock, known: dict[str, Any], after_s: float, asked: str
) -> None:
    serve(httpserver, {STATE_URL: (200, STATE), RESPONSE_URL: (404, "{}")})
    clock.tick(after_s)
    assert gsma.debits.ask is not None
    reply = gsma.debits.ask(replace(DEBIT, known=known))
    assert paths(httpserver) == [asked]
    assert reply == (NotFound() if asked == RESPONSE_URL else Pending({"polls": known.get("polls", 0) + 1}))


REVERSAL = {**TRANSACTION, "transactionReference": "REV1", "originalTransactionReference": "REF8912"}


@pytest.mark.parametrize(
    ("minor", "status", "body", "expected"),
    [
        (15000, 201, REVERSAL, Confirmed({"transaction_reference": "REV1"})),
        (5000, 201, {**REVERSAL, "amount": "5000"}, Confirmed({"transaction_reference": "REV1"})),
        (5000, 201, REVERSAL, Mismatch("another amount")),
        (15000, 201, {**REVERSAL, "originalTransactionReference": "REF1"}, Mismatch("another debit")),
        (15000, 202, STATE, Pending(POLLED)),
        (15000, 400, error("incorrectState"), declined("declined", "incorrectState")),
        (15000, 400, error("duplicateRequest"), Pending()),
    ],
)
def test_a_refund_reverses_the_debit(
    httpserver: HTTPServer, gsma: Gsma, minor: int, status: int, body: Any, expected: Reply
) -> None:
    serve(httpserver, {"/transactions/REF8912/reversals": (status, body)})
    assert gsma.refunds is not None
    assert gsma.refunds.submit(replace(REFUND, minor=minor)) == expected
    assert last(httpserver).json == {"type": "reversal", "amount": str(minor), "currency": "XOF"}
    assert last(httpserver).headers["X-CorrelationID"] == "6c03d614-41f4-40a6-8aa5-cbebee40215d"


def test_a_refund_of_an_unknown_transaction_is_done_by_hand(httpserver: HTTPServer, gsma: Gsma) -> None:
    assert gsma.refunds is not None
    assert gsma.refunds.submit(replace(REFUND, debit=DEBIT)) == Declined("refund_by_hand")
    assert paths(httpserver) == []


def test_asking_for_a_refund(httpserver: HTTPServer, gsma: Gsma) -> None:
    assert gsma.refunds is not None
    assert gsma.refunds.ask is not None
    answers = {STATE_URL: (200, {**COMPLETED, "objectReference": "REV1"}), "/transactions/REV1": (200, REVERSAL)}
    serve(httpserver, answers)
    assert gsma.refunds.ask(replace(REFUND, known=POLLED)) == Confirmed({"transaction_reference": "REV1"})


def test_a_payout(httpserver: HTTPServer, gsma: Gsma) -> None:
    theirs: Demand = replace(DEBIT, reference="op-1:payout")
    parties = {"debitParty": TRANSACTION["creditParty"], "creditParty": [{"key": "msisdn", "value": PHONE}]}
    serve(httpserver, {"/transactions/type/disbursement": (201, {**TRANSACTION, **parties})})
    assert gsma.payouts is not None
    assert gsma.payouts.submit(theirs) == DONE
    sent = last(httpserver).json
    assert sent is not None
    assert {name: sent[name] for name in parties} == parties
    assert gsma.payouts.submit(replace(theirs, phone="+2250707000002")) == Mismatch("another phone")


ACCOUNT = f"/accounts/msisdn/{PHONE}"
NAMED = {"name": {"title": "Mrs", "firstName": "Awa", "lastName": "Traoré"}}


@pytest.mark.parametrize(
    ("state", "named", "expected"),
    [
        ((200, {"accountStatus": "available"}), (200, NAMED), Holder(active=True, name="Awa Traoré")),
        ((200, {"status": "available"}), (200, {"name": {"fullName": "Awa T"}}), Holder(active=True, name="Awa T")),
        ((200, {"accountStatus": "available"}), (500, ""), Holder(active=True)),
        ((200, {"accountStatus": "available"}), (200, {"name": "Awa"}), Holder(active=True)),
        ((200, {"accountStatus": "unavailable"}), (200, {"name": {}}), Holder(active=False)),
        ((404, error("identifierError")), (404, "{}"), Holder(active=False)),
    ],
)
def test_the_owner_of_an_account(httpserver: HTTPServer, gsma: Gsma, state: Any, named: Any, expected: Holder) -> None:
    serve(httpserver, {f"{ACCOUNT}/status": state, f"{ACCOUNT}/accountname": named})
    assert gsma.holder(PHONE) == expected


def test_an_account_that_cannot_be_looked_up(httpserver: HTTPServer, gsma: Gsma) -> None:
    serve(httpserver, {f"{ACCOUNT}/status": (500, "")})
    assert gsma.holder(PHONE) == Unavailable("HTTP 500", 7)
