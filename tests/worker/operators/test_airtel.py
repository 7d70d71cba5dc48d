"""What every answer of Airtel Money means, and what is sent there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from tests.worker.operators.kit import CALLBACK, LOST, connect, cut, demand, last, paths, same, serve
from worker.partners.operators.airtel import Airtel
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

PAY, TOKEN, REFUND = "/merchant/v1/payments/", "/auth/oauth2/token", "/standard/v1/payments/refund"
OUR_ID = "6ZNDMMST3F5ETNM3AQPA"
STATUS = f"/standard/v1/payments/{OUR_ID}"
DEBIT = demand("+260977123456", 100000, "ZMW", text="Amende « AM-12 »", callback_url=CALLBACK)
THEIRS = {"airtel_money_id": "CI210104.1549.C00029"}
BACK = replace(DEBIT, reference="op-1:refund", debit=replace(DEBIT, known=THEIRS))


def answer(code: str, *, success: bool = False, **transaction: str) -> dict[str, Any]:
    status = {"code": "200", "message": "said so", "response_code": f"DP0080000{code}", "success": success}
    return {"data": {"transaction": transaction}, "status": status} if transaction else {"status": status}


def status(word: str, code: str = "", **more: str) -> dict[str, Any]:
    found = answer(code, success=True, id=OUR_ID, message="said so", status=word, **THEIRS, **more)
    return found if code else {"data": found["data"], "status": {"success": True}}


def declined(code: str, reason: str) -> Declined:
    return Declined(code, {"reason": reason})


REFUSALS: list[tuple[str, Reply]] = [
    ("1002", declined("not_approved", "1002")),
    ("1003", declined("limit_exceeded", "1003")),
    ("1004", declined("refused_as_invalid", "1004")),
    ("1005", declined("not_approved", "1005")),
    ("1007", declined("insufficient_funds", "1007")),
    ("1008", declined("declined", "1008")),
    ("1010", declined("declined", "1010")),
    ("1026", declined("operator_misconfigured", "1026")),
]
SENT = answer("1006", success=True, id=OUR_ID, status="SUCCESS")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def airtel(httpserver: HTTPServer, clock: FakeClock) -> Airtel:
    httpserver.expect_request(TOKEN).respond_with_json({"access_token": "t-1", "expires_in": "180"})
    adapter = connect("airtel", httpserver.url_for(""), clock, CLIENT_ID="id", CLIENT_SECRET="secret", COUNTRY="ZM")
    assert isinstance(adapter, Airtel)
    return adapter


@pytest.fixture
def ask(airtel: Airtel) -> Callable[[], Reply]:
    def asked() -> Reply:
        assert airtel.debits.ask is not None
        return airtel.debits.ask(DEBIT)

    return asked


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    [
        (200, SENT, Pending()),
        (200, answer("1001", success=True, id=OUR_ID, status="SUCCESS"), Pending()),
        (200, {"status": {"success": True}}, Pending()),
        (200, answer("1006"), Pending()),
        (200, answer("1000"), Pending()),
        (200, answer("1024"), Pending()),
        (400, answer("1024"), Pending()),
        *((200, answer(code), reply) for code, reply in REFUSALS),
        (400, answer("1007"), declined("insufficient_funds", "1007")),
        (200, answer("1025"), Unknown),
        (200, answer("1099"), Unknown),
        (200, {"status": {"response_code": "XX00800001007"}}, Unknown),
        (200, {"status": {"success": "true"}}, Unknown),
        (200, {"status": "SUCCESS"}, Unknown),
        (200, "<html>", Unknown),
        (202, answer("1001", success=True), Unknown),
        (400, "{}", Unknown),
        (409, "{}", Unknown),
        (401, SENT, Unavailable("HTTP 401", 7)),
        (429, "", Unavailable("HTTP 429", 7)),
        (503, SENT, Unavailable("HTTP 503", 7)),
        (500, answer("1007"), Unknown),
        (504, answer("1006"), Unknown),
    ],
)
def test_answers_to_a_debit(
    httpserver: HTTPServer, airtel: Airtel, http: int, body: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, {PAY: (http, body)})
    assert same(airtel.debits.submit(DEBIT), expected)


def test_a_lost_answer_is_no_refusal(httpserver: HTTPServer, airtel: Airtel) -> None:
    httpserver.expect_request(PAY).respond_with_handler(cut)
    assert airtel.debits.submit(DEBIT) == LOST


def test_what_a_debit_sends(httpserver: HTTPServer, airtel: Airtel) -> None:
    serve(httpserver, {PAY: (200, SENT)})
    airtel.debits.submit(DEBIT)
    (token, _), (request, _) = httpserver.log
    assert token.json == {"client_id": "id", "client_secret": "secret", "grant_type": "client_credentials"}
    market = {"country": "ZM", "currency": "ZMW"}
    assert (request.method, request.json) == (
        "POST",
        {
            "reference": "Amende AM-12",
            "subscriber": {**market, "msisdn": "977123456"},
            "transaction": {**market, "amount": 1000, "id": OUR_ID},
        },
    )
    assert b'"amount": 1000,' in request.data
    names = ("Authorization", "X-Country", "X-Currency")
    assert [request.headers[name] for name in names] == ["Bearer t-1", "ZM", "ZMW"]


@pytest.mark.parametrize(
    ("phone", "msisdn"),
    [("+243970000001", "970000001"), ("+242055123456", "055123456"), ("+24174123456", "74123456")],
)
def test_phones_lose_their_country_code_and_nothing_else(
    httpserver: HTTPServer, airtel: Airtel, phone: str, msisdn: str
) -> None:
    serve(httpserver, {PAY: (200, SENT)})
    airtel.debits.submit(replace(DEBIT, phone=phone, text="«»"))
    sent = last(httpserver).json
    assert sent is not None
    assert (sent["subscriber"]["msisdn"], sent["reference"]) == (msisdn, OUR_ID)


def test_fractions_are_not_sent(httpserver: HTTPServer, airtel: Airtel) -> None:
    assert airtel.debits.submit(replace(DEBIT, minor=100050)) == Declined("amount_not_supported")
    assert paths(httpserver) == []


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    [
        (200, status("TS"), Confirmed(THEIRS)),
        (200, status("TS", "1001"), Confirmed(THEIRS)),
        (200, status("TS", "1006"), Confirmed(THEIRS)),
        (200, answer("1001", success=True, status="TS"), Confirmed()),
        (200, status("TF"), declined("declined", "TF")),
        (200, status("TF", "1006"), declined("declined", "TF")),
        (200, status("TE"), declined("not_approved", "TE")),
        *((200, status("TF", code), reply) for code, reply in REFUSALS),
        (200, status("TE", "1005"), declined("not_approved", "1005")),
        (200, status("TF", "1024"), Pending()),
        (200, status("TF", "1000"), Pending()),
        (200, status("TF", "1001"), Unknown),
        (200, status("TF", "1025"), Unknown),
        (200, status("TA"), Pending()),
        (200, status("TIP"), Pending()),
        (200, answer("1024"), Pending()),
        (200, answer("1000"), Pending()),
        (200, answer("1006"), Pending()),
        (200, answer("1025"), NotFound()),
        (404, answer("1025"), NotFound()),
        (200, answer("1025", message="not found"), NotFound()),
        (404, "{}", Unknown),
        (200, answer("1007"), Unknown),
        (200, status("TX"), Unknown),
        (200, answer("1001", success=True, id="ANOTHER", status="TS"), Unknown),
        (202, status("TS"), Unknown),
        (500, status("TS"), Unknown),
        (500, answer("1025"), Unknown),
        (200, "<html>", Unknown),
        (200, {"data": {"transaction": "TS"}}, Unknown),
        (503, "", Unavailable("HTTP 503", 7)),
        (429, "", Unavailable("HTTP 429", 7)),
    ],
)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, ask: Callable[[], Reply], http: int, body: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, {STATUS: (http, body)})
    assert same(ask(), expected)
    assert last(httpserver).method == "GET"
    assert last(httpserver).headers["X-Currency"] == "ZMW"


DONE = answer("1001", success=True, status="SUCCESS", airtel_money_id="CI2.R1")


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    [
        (200, DONE, Confirmed({"airtel_money_id": "CI2.R1"})),
        (200, {**DONE, "status": {"success": True}}, Confirmed({"airtel_money_id": "CI2.R1"})),
        (200, {**DONE, "status": {"success": False}}, Unknown),
        (200, {"status": {"success": True}}, Unknown),
        (200, answer("1006", success=True, status="SUCCESS"), Pending()),
        (200, answer("1099", success=True, status="SUCCESS"), Unknown),
        (200, answer("1007"), declined("insufficient_funds", "1007")),
        (200, answer("1025"), Unknown),
        (500, DONE, Unknown),
        (200, "<html>", Unknown),
        (503, "", Unavailable("HTTP 503", 7)),
    ],
)
def test_answers_to_a_refund(
    httpserver: HTTPServer, airtel: Airtel, http: int, body: Any, expected: Reply | type[Reply]
) -> None:
    serve(httpserver, {REFUND: (http, body)})
    assert airtel.refunds is not None
    assert same(airtel.refunds.submit(BACK), expected)
    assert last(httpserver).json == {"transaction": THEIRS}


def test_a_refund_cannot_be_asked_for(httpserver: HTTPServer, airtel: Airtel) -> None:
    httpserver.expect_request(REFUND).respond_with_handler(cut)
    assert airtel.refunds is not None
    assert airtel.refunds.submit(BACK) == LOST
    assert (airtel.refunds.ask, airtel.refunds.read) == (None, None)


@pytest.mark.parametrize("refund", [replace(BACK, minor=99900), replace(BACK, debit=DEBIT)])
def test_a_part_of_a_debit_is_given_back_by_hand(httpserver: HTTPServer, airtel: Airtel, refund: Any) -> None:
    assert airtel.refunds is not None
    assert airtel.refunds.submit(refund) == Declined("refund_by_hand")
    assert paths(httpserver) == []


def test_the_token_is_fetched_once_and_renewed_when_refused(
    httpserver: HTTPServer, ask: Callable[[], Reply], clock: FakeClock
) -> None:
    serve(httpserver, {STATUS: (200, status("TIP"))})
    ask()
    clock.tick(119)
    ask()
    assert paths(httpserver) == [TOKEN, STATUS, STATUS]
    clock.tick(1)
    httpserver.expect_oneshot_request(STATUS).respond_with_data("", 401)
    assert ask() == Pending()
    assert paths(httpserver)[3:] == [TOKEN, STATUS, TOKEN, STATUS]


def test_without_a_token_nothing_is_sent(httpserver: HTTPServer) -> None:
    serve(httpserver, {TOKEN: (500, "")})
    assert connect("airtel", httpserver.url_for("")).debits.submit(DEBIT) == Unavailable("no token: HTTP 500", 7)
    assert paths(httpserver) == [TOKEN]
