"""Orange Money Cameroon: what each answer means, and what is sent."""

import base64
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from tests.worker.operators.kit import GARBAGE, add, calls, connect, lose_answers, same
from worker.partners.operators.client import short_id_of
from worker.partners.operators.orange_cm import OrangeCm
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

INIT, PAY = "/omcoreapis/1.0.2/mp/init", "/omcoreapis/1.0.2/mp/pay"
STATUS = "/omcoreapis/1.0.2/mp/paymentstatus/MP1"
KNOWN = {"pay_token": "MP1"}
DEMAND = Demand("op-1:debit", "+237699000111", 500, "XAF", "Amende n° 5, payée", "https://q.test/c/1", KNOWN)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def orange(httpserver: HTTPServer, clock: FakeClock) -> OrangeCm:
    add(httpserver, "POST", "/token", 200, {"access_token": "t-1", "expires_in": 3600})
    adapter: OrangeCm = connect(
        "orange-cm", httpserver.url_for(""), clock, CLIENT_ID="c", CLIENT_SECRET="s", USER="u", PASSWORD="p"
    )
    return adapter


def status(word: str, **more: object) -> dict[str, object]:
    return {"message": "ok", "data": {"status": word, "payToken": "MP1", **more}}


SHARED: list[tuple[int, object, Reply | type[Reply]]] = [
    (200, status("PENDING"), Pending()),
    (200, status("SUCCESSFULL", txnid="T1"), Confirmed({"transaction_id": "T1"})),
    (200, status("SUCCESSFUL", txnid="T1"), Confirmed({"transaction_id": "T1"})),
    (200, status("FAILED"), Declined("declined", {"reason": "FAILED"})),
    (200, status("EXPIRED"), Declined("not_approved", {"reason": "EXPIRED"})),
    (200, status("CANCELLED"), Declined("not_approved", {"reason": "CANCELLED"})),
    (200, status("WHATEVER"), Unknown),
    (200, status("SUCCESSFULL", amount=500, subscriberMsisdn="699000111"), Confirmed({"transaction_id": ""})),
    (200, status("SUCCESSFULL", amount="500.0"), Confirmed({"transaction_id": ""})),
    (200, status("SUCCESSFULL", amount=501), Mismatch("another amount")),
    (200, status("SUCCESSFULL", subscriberMsisdn="699000112"), Mismatch("another phone")),
    (200, status("SUCCESSFULL") | {"data": {"status": "SUCCESSFULL", "payToken": "MP2"}}, Unknown),
    (200, {"data": "SUCCESSFULL"}, Unknown),
    (401, {}, Unavailable("HTTP 401", 7)),
    (429, {}, Unavailable("HTTP 429", 7)),
    (503, {}, Unavailable("HTTP 503", 7)),
    *((code, text, Unknown) for code, text in GARBAGE),
]


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [*SHARED, (400, {}, Declined("refused_as_invalid")), (409, {}, Pending()), (404, {}, Unknown)],
)
def test_answers_to_a_payment(
    httpserver: HTTPServer, orange: OrangeCm, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", PAY, code, body)
    assert same(orange.debits.submit(DEMAND), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"), [*SHARED, (404, {}, NotFound()), (404, "<html>", NotFound()), (400, {}, Unknown)]
)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, orange: OrangeCm, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", STATUS, code, body)
    assert orange.debits.ask is not None
    assert same(orange.debits.ask(DEMAND), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (200, {"data": {"payToken": "MP9"}}, Confirmed({"pay_token": "MP9"})),
        (200, {"data": {"payToken": ""}}, Unknown),
        (200, {"data": {"payToken": 9}}, Unknown),
        (400, {"data": {"payToken": "MP9"}}, Unknown),
        (503, {}, Unavailable("HTTP 503", 7)),
        *((code, text, Unknown) for code, text in GARBAGE),
    ],
)
def test_the_preparation_gives_the_pay_token(
    httpserver: HTTPServer, orange: OrangeCm, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", INIT, code, body)
    assert orange.debits.prepare is not None
    assert same(orange.debits.prepare(replace(DEMAND, known={})), expected)
    request = httpserver.log[-1][0]
    assert (request.path, request.data) == (INIT, b"")
    assert request.headers["X-AUTH-TOKEN"] == base64.b64encode(b"u:p").decode()


def test_the_payment_on_the_wire(httpserver: HTTPServer, orange: OrangeCm) -> None:
    add(httpserver, "POST", PAY, 200, status("PENDING"))
    orange.debits.submit(DEMAND)
    (token, _), (pay, _) = httpserver.log
    assert token.headers["Authorization"] == "Basic " + base64.b64encode(b"c:s").decode()
    assert token.form.to_dict() == {"grant_type": "client_credentials"}
    assert pay.headers["Authorization"] == "Bearer t-1"
    assert pay.headers["X-AUTH-TOKEN"] == base64.b64encode(b"u:p").decode()
    assert pay.json == {
        "notifUrl": "https://q.test/c/1",
        "channelUserMsisdn": "sandbox",
        "amount": "500",
        "subscriberMsisdn": "699000111",
        "pin": "sandbox",
        "orderId": short_id_of("op-1:debit"),
        "description": "Amende n 5, payee",
        "payToken": "MP1",
    }


def test_without_a_way_back_no_address_is_sent(httpserver: HTTPServer, orange: OrangeCm) -> None:
    add(httpserver, "POST", PAY, 200, status("PENDING"))
    orange.debits.submit(replace(DEMAND, callback_url=None))
    assert "notifUrl" not in httpserver.log[-1][0].json


def test_an_amount_with_decimals_is_declined_before_anything_is_sent(httpserver: HTTPServer, orange: OrangeCm) -> None:
    assert orange.debits.prepare is not None
    assert orange.debits.prepare(replace(DEMAND, minor=1050, currency="KES")) == Declined("amount_not_supported")
    assert httpserver.log == []


def test_a_lost_answer_is_found_by_the_pay_token(
    httpserver: HTTPServer, orange: OrangeCm, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(httpserver, "POST", PAY, 200, status("PENDING"))
    add(httpserver, "GET", STATUS, 200, status("SUCCESSFULL", txnid="T1"))
    lose_answers(monkeypatch, PAY)
    assert orange.debits.submit(DEMAND) == Unknown("no answer in time")
    assert orange.debits.ask is not None
    assert orange.debits.ask(DEMAND) == Confirmed({"transaction_id": "T1"})


def test_the_token_is_fetched_once_and_renewed_when_refused(
    httpserver: HTTPServer, orange: OrangeCm, clock: FakeClock
) -> None:
    httpserver.expect_oneshot_request(PAY).respond_with_json(status("PENDING"))
    httpserver.expect_oneshot_request(PAY).respond_with_json(status("PENDING"))
    httpserver.expect_oneshot_request(PAY).respond_with_json({}, 401)
    httpserver.expect_oneshot_request(PAY).respond_with_json(status("PENDING"))
    orange.debits.submit(DEMAND)
    orange.debits.submit(DEMAND)
    assert calls(httpserver, "/token") == 1
    assert orange.debits.submit(DEMAND) == Pending()
    assert calls(httpserver, "/token") == 2


def test_refunds_and_payouts_are_made_by_hand(orange: OrangeCm) -> None:
    assert orange.refunds is None
    assert orange.payouts is None
