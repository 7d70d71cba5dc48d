"""Orange Money Web Payment: what each answer means, and what is sent."""

import base64
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from tests.worker.operators.kit import GARBAGE, add, calls, connect, lose_answers, same
from worker.partners.operators.orange_webpay import OrangeWebPay
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

API = "/orange-money-webpay/ci/v1"
ORDER, STATUS = f"{API}/webpayment", f"{API}/transactionstatus"
KNOWN = {"order_id": "o-1", "pay_token": "pt-1", "payment_url": "https://pay.test/pt-1"}
WAITING = Pending({"redirect": "https://pay.test/pt-1"})
DEMAND = Demand("op-1:debit", "+2250707000001", 1500, "XOF", "Vélo & cie", "https://q.test/c/1", KNOWN)
ORDERED = {
    "status": 201,
    "message": "OK",
    "pay_token": "pt-1",
    "payment_url": "https://pay.test/pt-1",
    "notif_token": "nt-1",
}


@pytest.fixture
def orange(httpserver: HTTPServer) -> OrangeWebPay:
    add(httpserver, "POST", "/oauth/v2/token", 200, {"access_token": "t-1", "expires_in": "7776000"})
    adapter: OrangeWebPay = connect(
        "orange-webpay",
        httpserver.url_for(""),
        CLIENT_ID="c",
        CLIENT_SECRET="s",
        KEY="k",
        COUNTRY="ci",
        RETURN_URL="https://shop.test/back",
    )
    return adapter


def order(orange: OrangeWebPay, demand: Demand = DEMAND) -> Reply:
    assert orange.debits.prepare is not None
    return orange.debits.prepare(replace(demand, known={}))


def ask(orange: OrangeWebPay) -> Reply:
    assert orange.debits.ask is not None
    return orange.debits.ask(DEMAND)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (201, ORDERED, Confirmed),
        (200, ORDERED, Confirmed),
        (201, ORDERED | {"pay_token": None}, Unknown),
        (201, ORDERED | {"payment_url": "javascript:alert(1)"}, Unknown),
        (201, ORDERED | {"payment_url": None}, Unknown),
        (400, {}, Declined("refused_as_invalid")),
        (401, {}, Unavailable("HTTP 401", 7)),
        (429, {}, Unavailable("HTTP 429", 7)),
        (503, {}, Unavailable("HTTP 503", 7)),
        (404, {}, Unknown),
        *((code, text, Unknown) for code, text in GARBAGE),
    ],
)
def test_answers_to_an_order(
    httpserver: HTTPServer, orange: OrangeWebPay, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", ORDER, code, body)
    assert same(order(orange), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (200, {"status": "INITIATED", "order_id": "o-1"}, WAITING),
        (201, {"status": "PENDING", "order_id": "o-1"}, WAITING),
        (
            200,
            {"status": "SUCCESS", "order_id": "o-1", "txnid": "MP150709.1341.A00073"},
            Confirmed({"transaction_id": "MP150709.1341.A00073"}),
        ),
        (200, {"status": "EXPIRED", "order_id": "o-1"}, Declined("not_approved", {"reason": "EXPIRED"})),
        (200, {"status": "FAILED", "order_id": "o-1"}, Declined("declined", {"reason": "FAILED"})),
        (200, {"status": "SUCCESS", "order_id": "o-2"}, Unknown),
        (200, {"status": "REVERSED", "order_id": "o-1"}, Unknown),
        (404, {}, NotFound()),
        (400, {}, Unknown),
        (409, {}, Unknown),
        (401, {}, Unavailable("HTTP 401", 7)),
        (429, {}, Unavailable("HTTP 429", 7)),
        (503, {}, Unavailable("HTTP 503", 7)),
        *((code, text, Unknown) for code, text in GARBAGE),
    ],
)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, orange: OrangeWebPay, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", STATUS, code, body)
    assert same(ask(orange), expected)
    assert httpserver.log[-1][0].json == {"order_id": "o-1", "amount": 1500, "pay_token": "pt-1"}


def test_the_order_on_the_wire(httpserver: HTTPServer, orange: OrangeWebPay) -> None:
    add(httpserver, "POST", ORDER, 201, ORDERED)
    reply = order(orange)
    (token, _), (sent, _) = httpserver.log
    assert token.headers["Authorization"] == "Basic " + base64.b64encode(b"c:s").decode()
    assert token.form.to_dict() == {"grant_type": "client_credentials"}
    assert sent.headers["Authorization"] == "Bearer t-1"
    order_id = sent.json["order_id"]
    assert 16 <= len(order_id) <= 30
    assert sent.json == {
        "merchant_key": "k",
        "currency": "XOF",
        "order_id": order_id,
        "amount": 1500,
        "return_url": "https://shop.test/back",
        "cancel_url": "https://shop.test/back",
        "notif_url": "https://q.test/c/1",
        "lang": "fr",
        "reference": "Velo cie",
    }
    assert reply == Confirmed({"order_id": order_id, "pay_token": "pt-1", "payment_url": "https://pay.test/pt-1"})


def test_each_order_has_an_id_of_its_own(httpserver: HTTPServer, orange: OrangeWebPay) -> None:
    add(httpserver, "POST", ORDER, 201, ORDERED)
    order(orange)
    order(orange)
    assert len({request.json["order_id"] for request, _ in httpserver.log if request.path == ORDER}) == 2
    assert calls(httpserver, "/oauth/v2/token") == 1


def test_the_sandbox_has_a_currency_and_a_return_address_of_its_own(httpserver: HTTPServer) -> None:
    add(httpserver, "POST", "/oauth/v2/token", 200, {"access_token": "t-1"})
    add(httpserver, "POST", "/orange-money-webpay/dev/v1/webpayment", 201, ORDERED)
    assert isinstance(order(connect("orange-webpay", httpserver.url_for(""))), Confirmed)
    sent = httpserver.log[-1][0].json
    assert sent["currency"] == "OUV"
    assert sent["return_url"].startswith("http://")


def test_showing_the_page_makes_no_call(httpserver: HTTPServer, orange: OrangeWebPay) -> None:
    assert orange.debits.submit(DEMAND) == WAITING
    assert httpserver.log == []


def test_an_amount_with_decimals_is_declined_before_anything_is_sent(
    httpserver: HTTPServer, orange: OrangeWebPay
) -> None:
    assert order(orange, replace(DEMAND, minor=1050, currency="KES")) == Declined("amount_not_supported")
    assert httpserver.log == []


def test_a_lost_answer_to_an_order_is_unknown(
    httpserver: HTTPServer, orange: OrangeWebPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(httpserver, "POST", ORDER, 201, ORDERED)
    lose_answers(monkeypatch, ORDER)
    assert order(orange) == Unknown("no answer in time")


def test_a_refused_token_is_renewed(httpserver: HTTPServer, orange: OrangeWebPay) -> None:
    httpserver.expect_oneshot_request(STATUS).respond_with_json({}, 401)
    httpserver.expect_oneshot_request(STATUS).respond_with_json({"status": "INITIATED"})
    assert ask(orange) == WAITING
    assert calls(httpserver, "/oauth/v2/token") == 2


def test_refunds_and_payouts_are_made_by_hand(orange: OrangeWebPay) -> None:
    assert orange.refunds is None
    assert orange.payouts is None
