"""M-Pesa by Daraja: what each answer means, and what is sent. See test_daraja_callbacks for what callbacks say."""

import base64
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import START, FakeClock
from tests.worker.operators.kit import GARBAGE, add, calls, connect, lose_answers, same
from worker.partners.operators.client import short_id_of
from worker.partners.operators.daraja import Daraja
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unavailable, Unknown

TOKEN, PUSH, QUERY = "/oauth/v1/generate", "/mpesa/stkpush/v1/processrequest", "/mpesa/stkpushquery/v1/query"
URL = "https://q.test/c/1"
DEMAND = Demand("op-1:debit", "+254708374149", 10000, "KES", "Amende n° 5, payée", URL, submitted_at=START)
PROMPTED = replace(DEMAND, known={"checkout_request_id": "ws_CO_1"})

ACCEPTED = {
    "MerchantRequestID": "29115-1",
    "CheckoutRequestID": "ws_CO_1",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success",
}
IDS = {"checkout_request_id": "ws_CO_1", "merchant_request_id": "29115-1"}


def error(code: str) -> dict[str, str]:
    return {"requestId": "1", "errorCode": code, "errorMessage": "..."}


def result(code: object, **more: object) -> dict[str, object]:
    return {"ResponseCode": "0", "ResultCode": code, "ResultDesc": "...", **more}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def daraja(httpserver: HTTPServer, clock: FakeClock) -> Daraja:
    add(httpserver, "GET", TOKEN, 200, {"access_token": "t-1", "expires_in": "3599"})
    adapter: Daraja = connect(
        "daraja",
        httpserver.url_for(""),
        clock,
        CONSUMER_KEY="c",
        CONSUMER_SECRET="s",
        SHORTCODE="174379",
        PASSKEY="pass",
        INITIATOR="init",
        SECURITY_CREDENTIAL="cred",
    )
    return adapter


def ask(daraja: Daraja, demand: Demand = PROMPTED) -> Reply:
    assert daraja.debits.ask is not None
    return daraja.debits.ask(demand)


SHARED: list[tuple[int, object, Reply | type[Reply]]] = [
    (401, error("401"), Unavailable("HTTP 401", 7)),
    (404, error("404.001.03"), Unavailable("HTTP 404", 7)),
    (400, error("404.001.03"), Unavailable("HTTP 400", 7)),
    (500, error("500.003.02"), Unavailable("HTTP 500", 7)),
    (500, error("500.003.03"), Unavailable("HTTP 500", 7)),
    (429, error("500.003.02"), Unavailable("HTTP 429", 7)),
    (503, {}, Unavailable("HTTP 503", 7)),
    (404, {}, Unknown),
    (409, {}, Unknown),
    (500, error("500.001.1002"), Unknown),
    *((code, text, Unknown) for code, text in GARBAGE),
]
SUBMIT: list[tuple[int, object, Reply | type[Reply]]] = [
    *SHARED,
    (400, error("400.002.02"), Declined("refused_as_invalid")),
    (500, error("500.001.1001"), Unknown),
    (200, {"ResponseCode": "1"}, Unknown),
    (200, {"ResponseCode": 0}, Pending()),
]


@pytest.mark.parametrize(("code", "body", "expected"), [*SUBMIT, (200, ACCEPTED, Pending(IDS))])
def test_answers_to_a_prompt(
    httpserver: HTTPServer, daraja: Daraja, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", PUSH, code, body)
    assert same(daraja.debits.submit(DEMAND), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *SHARED,
        (500, error("500.001.1001"), Pending()),
        (400, error("400.002.02"), Unknown),
        (200, result("0"), Confirmed()),
        (200, result(0), Confirmed()),
        (200, result("0", CheckoutRequestID="ws_CO_1"), Confirmed()),
        (200, result("0", CheckoutRequestID="ws_CO_2"), Unknown),
        (200, result("0", ResponseCode="1"), Unknown),
        (200, result("1"), Declined("insufficient_funds", {"reason": "1"})),
        (200, result("17"), Declined("declined", {"reason": "17"})),
        (200, result(1001), Declined("declined", {"reason": "1001"})),
        (200, result("1019"), Pending()),
        (200, result("1025"), Declined("declined", {"reason": "1025"})),
        (200, result("1032"), Declined("not_approved", {"reason": "1032"})),
        (200, result("1037"), Pending()),
        (200, result("2001"), Declined("not_approved", {"reason": "2001"})),
        (200, result("9999"), Declined("declined", {"reason": "9999"})),
        (200, result("4711"), Unknown),
        (200, result(None), Unknown),
        (200, result({"0": 0}), Unknown),
    ],
)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, daraja: Daraja, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", QUERY, code, body)
    assert same(ask(daraja), expected)


@pytest.mark.parametrize("code", ["1019", "1037"])
def test_a_payer_who_was_not_reached_may_pay_for_five_minutes_more(
    httpserver: HTTPServer, daraja: Daraja, clock: FakeClock, code: str
) -> None:
    add(httpserver, "POST", QUERY, 200, result(code))
    clock.tick(299)
    assert ask(daraja) == Pending()
    clock.tick(1)
    assert ask(daraja) == Declined("not_approved", {"reason": code})
    assert ask(daraja, replace(PROMPTED, submitted_at=None)) == Pending()


def test_not_reached_and_then_paid_is_paid(httpserver: HTTPServer, daraja: Daraja, clock: FakeClock) -> None:
    httpserver.expect_oneshot_request(QUERY).respond_with_json(result("1037"))
    httpserver.expect_oneshot_request(QUERY).respond_with_json(result("0"))
    assert ask(daraja) == Pending()
    clock.tick(300)
    assert ask(daraja) == Confirmed()


def test_the_prompt_on_the_wire(httpserver: HTTPServer, daraja: Daraja) -> None:
    add(httpserver, "POST", PUSH, 200, ACCEPTED)
    daraja.debits.submit(DEMAND)
    (token, _), (sent, _) = httpserver.log
    assert token.headers["Authorization"] == "Basic " + base64.b64encode(b"c:s").decode()
    assert token.query_string == b"grant_type=client_credentials"
    assert sent.headers["Authorization"] == "Bearer t-1"
    assert sent.json == {
        "BusinessShortCode": "174379",
        "Password": base64.b64encode(b"174379pass20260101150000").decode(),  # noon in UTC
        "Timestamp": "20260101150000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 100,
        "PartyA": "254708374149",
        "PartyB": "174379",
        "PhoneNumber": "254708374149",
        "CallBackURL": URL,
        "AccountReference": short_id_of("op-1:debit", 12),
        "TransactionDesc": "Amende n 5, p",
    }
    assert isinstance(sent.json["Amount"], int)


def test_the_enquiry_on_the_wire(httpserver: HTTPServer, daraja: Daraja) -> None:
    add(httpserver, "POST", QUERY, 200, result("0"))
    ask(daraja)
    assert httpserver.log[-1][0].json == {
        "BusinessShortCode": "174379",
        "Password": base64.b64encode(b"174379pass20260101150000").decode(),
        "Timestamp": "20260101150000",
        "CheckoutRequestID": "ws_CO_1",
    }


@pytest.mark.parametrize(
    ("demand", "code"),
    [
        (replace(DEMAND, callback_url=None), "operator_misconfigured"),
        (replace(DEMAND, minor=10050), "amount_not_supported"),
    ],
)
def test_what_they_cannot_take_is_declined_before_anything_is_sent(
    httpserver: HTTPServer, daraja: Daraja, demand: Demand, code: str
) -> None:
    assert daraja.debits.submit(demand) == Declined(code)
    assert daraja.payouts is not None
    assert daraja.payouts.submit(demand) == Declined(code)
    assert httpserver.log == []


def test_a_prompt_whose_answer_is_lost_is_unknown(
    httpserver: HTTPServer, daraja: Daraja, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(httpserver, "POST", PUSH, 200, ACCEPTED)
    lose_answers(monkeypatch, PUSH)
    assert daraja.debits.submit(DEMAND) == Unknown("no answer in time")
    assert daraja.debits.asked_by_theirs == "checkout_request_id"


@pytest.mark.parametrize(("code", "body"), [(401, {}), (404, error("404.001.03"))])
def test_the_token_is_fetched_once_and_renewed_when_refused(
    httpserver: HTTPServer, daraja: Daraja, code: int, body: object
) -> None:
    httpserver.expect_oneshot_request(PUSH).respond_with_json(ACCEPTED)
    httpserver.expect_oneshot_request(PUSH).respond_with_json(ACCEPTED)
    httpserver.expect_oneshot_request(PUSH).respond_with_json(body, code)
    httpserver.expect_oneshot_request(PUSH).respond_with_json(ACCEPTED)
    daraja.debits.submit(DEMAND)
    daraja.debits.submit(DEMAND)
    assert calls(httpserver, TOKEN) == 1
    assert daraja.debits.submit(DEMAND) == Pending(IDS)
    assert calls(httpserver, TOKEN) == 2
