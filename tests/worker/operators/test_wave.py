"""Wave: what each answer means, and what is sent."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer

from core.clock import to_rfc3339
from tests.doubles import START, FakeClock
from tests.worker.operators.kit import GARBAGE, add, connect, lose_answers, same
from worker.partners.operators.client import uuid4_of
from worker.partners.operators.port import Demand
from worker.partners.operators.wave import Wave
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

SESSIONS, SESSION = "/v1/checkout/sessions", "/v1/checkout/sessions/cos-1"
SEARCH = "/v1/checkout/sessions/search"
DEMAND = Demand("op-1:debit", "+221771234567", 1000, "XOF", "Amende", "https://q.test/c/1")
OPENED = replace(DEMAND, known={"session": "cos-1"})
KNOWN = {"session": "cos-1"}
WAITING = Pending({**KNOWN, "redirect": "https://pay.wave.com/c/cos-1"})
EXPIRED_AT = to_rfc3339(START + timedelta(minutes=30))


def session(payment: object, checkout: object = "open", **more: object) -> dict[str, object]:
    return {
        "id": "cos-1",
        "amount": "1000",
        "currency": "XOF",
        "checkout_status": checkout,
        "payment_status": payment,
        "client_reference": "op-1:debit",
        "wave_launch_url": "https://pay.wave.com/c/cos-1",
        "when_expires": EXPIRED_AT,
        **more,
    }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def wave(httpserver: HTTPServer, clock: FakeClock) -> Wave:
    adapter: Wave = connect(
        "wave", httpserver.url_for(""), clock, KEY="wave_sn_prod_1", RETURN_URL="https://shop.test/back"
    )
    return adapter


def ask(wave: Wave, demand: Demand) -> Reply:
    assert wave.debits.ask is not None
    return wave.debits.ask(demand)


UNUSABLE: list[tuple[int, object, Reply | type[Reply]]] = [
    (401, {}, Unavailable("HTTP 401", 7)),
    (429, {}, Unavailable("HTTP 429", 7)),
    (503, {}, Unavailable("HTTP 503", 7)),
    *((code, text, Unknown) for code, text in GARBAGE),
]
PAID = Confirmed({**KNOWN, "transaction_id": "TDH5TEWTLFE"})
POOR = {"code": "insufficient-funds", "message": "..."}
STATES: list[tuple[dict[str, object], Reply | type[Reply]]] = [
    (session("processing"), WAITING),
    (session("cancelled"), WAITING),
    (session("processing", "complete"), WAITING),
    (session("processing", "expired"), WAITING),
    (session("processing", "expired", when_expires=None), WAITING),
    (session("processing", wave_launch_url="javascript:alert(1)"), Pending(KNOWN)),
    (session("succeeded", "complete", transaction_id="TDH5TEWTLFE"), PAID),
    (session("succeeded", "expired", transaction_id="TDH5TEWTLFE"), PAID),
    (session("cancelled", "complete"), Declined("not_approved")),
    (session("cancelled", "expired"), Declined("not_approved")),
    (
        session("cancelled", "complete", last_payment_error=POOR),
        Declined("not_approved", {"reason": "insufficient-funds"}),
    ),
    (session("lost"), Unknown),
    (session(None), Unknown),
    (session("processing", "closed"), Unknown),
    (session("succeeded", amount="1001"), Mismatch("another amount")),
    (session("succeeded", currency="XAF"), Mismatch("another amount")),
    (session("succeeded", amount=None), Unknown),
    (session("succeeded", restrict_payer_mobile="+221771234568"), Mismatch("another phone")),
    (
        session("succeeded", transaction_id="TDH5TEWTLFE", restrict_payer_mobile="+221771234567"),
        PAID,
    ),
    (session("succeeded", client_reference="op-2:debit"), Unknown),
    (session("succeeded", id=None), Unknown),
]


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *((200, body, expected) for body, expected in STATES),
        *UNUSABLE,
        (201, session("processing"), WAITING),
        (400, {}, Declined("refused_as_invalid")),
        (409, {}, Pending()),
        (404, {}, Unknown),
    ],
)
def test_answers_to_a_new_session(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", SESSIONS, code, body)
    assert same(wave.debits.submit(DEMAND), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *((200, body, expected) for body, expected in STATES),
        *UNUSABLE,
        (404, {}, NotFound()),
        (400, {}, Unknown),
        (409, {}, Unknown),
    ],
)
def test_answers_to_an_enquiry_by_their_id(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", SESSION, code, body)
    assert same(ask(wave, OPENED), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *((200, {"result": [body]}, expected) for body, expected in STATES),
        *UNUSABLE,
        (200, {"result": []}, NotFound()),
        (404, {}, NotFound()),
        (200, {"result": [7]}, Unknown),
        (200, {"result": session("succeeded")}, Unknown),
        (200, {"result": [session("succeeded"), session("cancelled")]}, Mismatch("several requests of this reference")),
    ],
)
def test_answers_to_an_enquiry_by_our_reference(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", SEARCH, code, body)
    assert same(ask(wave, DEMAND), expected)
    assert httpserver.log[-1][0].args.to_dict() == {"client_reference": "op-1:debit"}


def test_a_payment_in_an_expired_session_may_still_end(httpserver: HTTPServer, wave: Wave, clock: FakeClock) -> None:
    add(httpserver, "GET", SESSION, 200, session("processing", "expired"))
    clock.tick(35 * 60 - 1)
    assert ask(wave, OPENED) == WAITING
    clock.tick(1)
    assert ask(wave, OPENED) == Declined("not_approved")


def test_the_session_on_the_wire(httpserver: HTTPServer, wave: Wave) -> None:
    add(httpserver, "POST", SESSIONS, 200, session("processing"))
    wave.debits.submit(DEMAND)
    sent = httpserver.log[-1][0]
    assert sent.headers["Authorization"] == "Bearer wave_sn_prod_1"
    assert sent.headers["Idempotency-Key"] == uuid4_of("op-1:debit")
    assert sent.json == {
        "amount": "1000",
        "currency": "XOF",
        "success_url": "https://shop.test/back",
        "error_url": "https://shop.test/back",
        "client_reference": "op-1:debit",
        "restrict_payer_mobile": "+221771234567",
    }


def test_a_lost_session_is_found_by_our_reference(
    httpserver: HTTPServer, wave: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(httpserver, "POST", SESSIONS, 200, session("processing"))
    add(httpserver, "GET", SEARCH, 200, {"result": [session("processing")]})
    lose_answers(monkeypatch, SESSIONS)
    assert wave.debits.submit(DEMAND) == Unknown("no answer in time")
    assert ask(wave, DEMAND) == WAITING
