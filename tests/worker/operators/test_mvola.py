"""What every answer of MVola means, what its callbacks decide, and what is sent there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from tests.worker.operators.kit import CALLBACK, LOST, connect, cut, demand, last, paths, same, serve
from worker.partners.operators.mvola import Mvola
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

PAY = "/mvola/mm/transactions/type/merchantpay/1.0.0/"
STATUS, DETAILS = f"{PAY}status/s-1", f"{PAY}636042511"
OUR_ID = "f65a3632-53d9-4a49-b59b-041e0c4d3089"
DEBIT = demand("+261340017983", 1500000, "MGA", text="L'amende n°12 est « payée »", callback_url=CALLBACK)
KNOWN = replace(DEBIT, known={"server_correlation_id": "s-1"})
STATE = {"serverCorrelationId": "s-1", "status": "pending", "notificationMethod": "callback"}
COMPLETED = {**STATE, "status": "completed", "objectReference": "636042511"}
TRANSACTION = {
    "transactionReference": "636042511",
    "transactionStatus": "completed",
    "amount": "15000.00",
    "currency": "Ar",
    "debitParty": [{"key": "msisdn", "value": "0340017983"}],
}
OTHER_PAYER = {**TRANSACTION, "debitParty": [{"key": "msisdn", "value": "0340017984"}]}
DONE = Confirmed({"transaction_reference": "636042511"})
FAULT = {"fault": {"code": 900901, "message": "Invalid Credentials"}}


def error(code: str, category: str = "businessRule") -> dict[str, Any]:
    return {"ErrorCategory": category, "ErrorCode": code, "ErrorDescription": "said so"}


def declined(code: str, reason: str) -> Declined:
    return Declined(code, {"reason": reason})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def mvola(httpserver: HTTPServer, clock: FakeClock) -> Mvola:
    token = {"access_token": "t-1", "expires_in": 3600, "token_type": "Bearer"}
    httpserver.expect_request("/token").respond_with_json(token)
    options = {"CONSUMER_KEY": "key", "CONSUMER_SECRET": "secret", "MSISDN": "0340000001", "PARTNER_NAME": "Mairie"}
    adapter = connect("mvola", httpserver.url_for(""), clock, **options)
    assert isinstance(adapter, Mvola)
    return adapter


@pytest.fixture
def ask(mvola: Mvola) -> Callable[[], Reply]:
    def asked() -> Reply:
        assert mvola.debits.ask is not None
        return mvola.debits.ask(KNOWN)

    return asked


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, STATE, Pending({"server_correlation_id": "s-1"})),
        (202, "<html>", Unknown),
        (201, TRANSACTION, DONE),
        (201, OTHER_PAYER, Mismatch("another phone")),
        (409, error("duplicateRequest"), Pending()),
        (409, "<html>", Pending()),
        (402, error("insufficientFunds"), declined("insufficient_funds", "insufficientFunds")),
        (402, error("4001", "wallet"), Declined("declined")),
        (402, "{}", Declined("declined")),
        (400, error("formatError", "validation"), declined("refused_as_invalid", "formatError")),
        (400, error("identifierError", "identification"), declined("payer_not_found", "identifierError")),
        (400, "{}", Unknown),
        (403, FAULT, Unknown),
        (401, FAULT, Unavailable("HTTP 401", 7)),
        (429, "", Unavailable("HTTP 429", 7)),
        (503, "", Unavailable("HTTP 503", 7)),
        (500, error("insufficientFunds"), Unknown),
        (504, STATE, Unknown),
    ],
)
def test_answers_to_a_debit(
    httpserver: HTTPServer, mvola: Mvola, status: int, body: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, {PAY: (status, body)})
    assert same(mvola.debits.submit(DEBIT), expected)


def test_a_lost_answer_is_no_refusal(httpserver: HTTPServer, mvola: Mvola) -> None:
    httpserver.expect_request(PAY).respond_with_handler(cut)
    assert mvola.debits.submit(DEBIT) == LOST


def test_what_a_debit_sends(httpserver: HTTPServer, mvola: Mvola) -> None:
    serve(httpserver, {PAY: (202, STATE)})
    mvola.debits.submit(DEBIT)
    (token, _), (request, _) = httpserver.log
    assert token.headers["Authorization"] == "Basic a2V5OnNlY3JldA=="
    assert token.form.to_dict() == {"grant_type": "client_credentials", "scope": "EXT_INT_MVOLA_SCOPE"}
    assert (request.method, request.json) == (
        "POST",
        {
            "amount": "15000",
            "currency": "Ar",
            "descriptionText": "L amende n 12 est payee",
            "requestingOrganisationTransactionReference": "op-1:debit",
            "requestDate": "2026-01-01T12:00:00.000Z",
            "debitParty": [{"key": "msisdn", "value": "0340017983"}],
            "creditParty": [{"key": "msisdn", "value": "0340000001"}],
        },
    )
    assert {name: value for name, value in request.headers.items() if name in HEADERS} == HEADERS


HEADERS = {
    "Authorization": "Bearer t-1",
    "Version": "1.0",
    "X-Correlationid": OUR_ID,
    "Userlanguage": "FR",
    "Useraccountidentifier": "msisdn;0340000001",
    "Partnername": "Mairie",
    "X-Callback-Url": CALLBACK,
}


def test_fractions_of_an_ariary_are_not_sent(httpserver: HTTPServer, mvola: Mvola) -> None:
    assert mvola.debits.submit(replace(DEBIT, minor=1500050)) == Declined("amount_not_supported")
    assert paths(httpserver) == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({STATUS: (200, STATE)}, Pending()),
        ({STATUS: (200, {**STATE, "status": "failed"})}, Declined("declined")),
        (
            {STATUS: (200, {"status": "failed", **error("insufficientFunds")})},
            declined("insufficient_funds", "insufficientFunds"),
        ),
        ({STATUS: (200, {"status": "completed"})}, Unknown),
        ({STATUS: (200, {**STATE, "status": "maybe"})}, Unknown),
        ({STATUS: (404, "{}")}, NotFound()),
        ({STATUS: (500, COMPLETED)}, Unknown),
        ({STATUS: (200, "<html>")}, Unknown),
        ({STATUS: (503, "")}, Unavailable("HTTP 503", 7)),
        ({STATUS: (200, COMPLETED), DETAILS: (200, TRANSACTION)}, DONE),
        ({STATUS: (200, COMPLETED), DETAILS: (200, {**TRANSACTION, "currency": "MGA"})}, DONE),
        ({STATUS: (200, COMPLETED), DETAILS: (200, {**TRANSACTION, "amount": "1500"})}, Mismatch("another amount")),
        ({STATUS: (200, COMPLETED), DETAILS: (200, {**TRANSACTION, "currency": "EUR"})}, Mismatch("another currency")),
        ({STATUS: (200, COMPLETED), DETAILS: (200, OTHER_PAYER)}, Mismatch("another phone")),
        ({STATUS: (200, COMPLETED), DETAILS: (200, {**TRANSACTION, "transactionStatus": "pending"})}, Pending()),
        ({STATUS: (200, COMPLETED), DETAILS: (404, "{}")}, Unknown),
        ({STATUS: (200, COMPLETED), DETAILS: (500, TRANSACTION)}, Unknown),
    ],
)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, ask: Callable[[], Reply], answers: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, answers)
    assert same(ask(), expected)
    assert paths(httpserver) == ["/token", *answers]
    assert last(httpserver).headers["X-CorrelationID"] == OUR_ID


CALLBACKS: list[tuple[Any, Reply | type[Reply]]] = [
    (TRANSACTION, DONE),
    ({"transactionReference": "636042511", "transactionStatus": "completed", "serverCorrelationId": "s-1"}, DONE),
    ({**TRANSACTION, "requestingOrganisationTransactionReference": "op-1:debit"}, DONE),
    ({**TRANSACTION, "requestingOrganisationTransactionReference": "op-2:debit"}, Unknown),
    ({**TRANSACTION, "serverCorrelationId": "s-2"}, Unknown),
    ({**TRANSACTION, "amount": "1500"}, Unknown),
    (OTHER_PAYER, Unknown),
    ({**TRANSACTION, "transactionStatus": "pending"}, Unknown),
    ({**TRANSACTION, "transactionStatus": "failed"}, Declined("declined")),
    ({**TRANSACTION, "transactionStatus": "failed", "amount": "1500"}, Unknown),
    ({"transactionStatus": "completed"}, Unknown),
    (error("insufficientFunds"), declined("insufficient_funds", "insufficientFunds")),
    (error("genericError", "internal"), Unknown),
    (error("genericError", "serviceUnavailable"), Unknown),
    (error("duplicateRequest"), Unknown),
    ({}, Unknown),
    ({"transactionStatus": ["completed"], "transactionReference": {"a": 1}}, Unknown),
]


@pytest.mark.parametrize(("body", "expected"), CALLBACKS)
def test_what_a_callback_decides(mvola: Mvola, body: Any, expected: Reply | type[Reply]) -> None:
    assert mvola.debits.read is not None
    assert same(mvola.debits.read(KNOWN, body), expected)


def test_a_callback_decides_where_the_answer_was_lost(mvola: Mvola) -> None:
    assert mvola.debits.asked_by_theirs == "server_correlation_id"
    assert mvola.debits.read is not None
    assert mvola.debits.read(DEBIT, {**TRANSACTION, "serverCorrelationId": "s-2"}) == DONE


def test_nothing_is_given_back_or_paid_out_by_interface(mvola: Mvola) -> None:
    assert (mvola.refunds, mvola.payouts) == (None, None)


def test_the_token_is_fetched_once_and_renewed_when_refused(
    httpserver: HTTPServer, mvola: Mvola, ask: Callable[[], Reply], clock: FakeClock
) -> None:
    serve(httpserver, {STATUS: (200, STATE)})
    ask()
    ask()
    assert paths(httpserver) == ["/token", STATUS, STATUS]
    clock.tick(3600)
    httpserver.expect_oneshot_request(STATUS).respond_with_json(FAULT, 401)
    assert ask() == Pending()
    assert paths(httpserver)[3:] == ["/token", STATUS, "/token", STATUS]


def test_without_a_token_nothing_is_sent(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/token": (500, "")})
    reply = connect("mvola", httpserver.url_for("")).debits.submit(DEBIT)
    assert reply == Unavailable("no token: HTTP 500", 7)
    assert paths(httpserver) == ["/token"]
