"""Refunds and payouts of Wave: a whole refund is one of the session, a part is paid out."""

from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from tests.worker.operators.kit import add, same
from tests.worker.operators.test_wave import DEMAND, SESSION, UNUSABLE, clock, session, wave
from worker.partners.operators.client import uuid4_of
from worker.partners.operators.port import Demand
from worker.partners.operators.wave import Wave
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

__all__ = ["clock", "wave"]  # the fixtures

REFUND = f"{SESSION}/refund"
PAYOUT, PAYOUT_SEARCH = "/v1/payout", "/v1/payouts/search"
BACK = replace(DEMAND, reference="op-1:refund", debit=replace(DEMAND, known={"session": "cos-1"}))
PART = replace(BACK, minor=400)
REFUNDED = {"when_refunded": "2026-01-01T12:00:00Z"}


def payout(status: object, **more: object) -> dict[str, object]:
    return {
        "id": "pt-1",
        "status": status,
        "currency": "XOF",
        "receive_amount": "400",
        "fee": "4",
        "mobile": "+221771234567",
        "client_reference": "op-1:refund",
        **more,
    }


def refund(wave: Wave, demand: Demand) -> Reply:
    assert wave.refunds is not None
    return wave.refunds.submit(demand)


def ask_refund(wave: Wave, demand: Demand) -> Reply:
    assert wave.refunds is not None
    assert wave.refunds.ask is not None
    return wave.refunds.ask(demand)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (200, "", Pending()),
        (200, {}, Pending()),
        (204, "", Pending()),
        (200, session("succeeded", **REFUNDED), Confirmed()),
        (400, {}, Declined("refused_as_invalid")),
        (409, {}, Pending()),
        (404, {}, Unknown),
        (401, {}, Unavailable("HTTP 401", 7)),
        (500, {}, Unknown),
        (503, {}, Unavailable("HTTP 503", 7)),
    ],
)
def test_answers_to_a_whole_refund(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", REFUND, code, body)
    assert same(refund(wave, BACK), expected)
    sent = httpserver.log[-1][0]
    assert sent.headers["Idempotency-Key"] == uuid4_of("op-1:refund")
    assert sent.data == b""


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *UNUSABLE,
        (200, session("succeeded", **REFUNDED), Confirmed()),
        (200, session("succeeded", when_refunded=None), NotFound()),
        (200, session("succeeded", **REFUNDED, amount="999"), Mismatch("another amount")),
        (404, {}, Unknown),
    ],
)
def test_the_session_says_whether_it_is_refunded(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", SESSION, code, body)
    assert same(ask_refund(wave, BACK), expected)


def test_without_its_session_a_person_refunds(httpserver: HTTPServer, wave: Wave) -> None:
    assert refund(wave, replace(BACK, debit=DEMAND)) == Declined("refund_by_hand")
    assert httpserver.log == []


PAYOUTS: list[tuple[dict[str, object], Reply | type[Reply]]] = [
    (payout("processing"), Pending({"payout": "pt-1"})),
    (payout("succeeded"), Confirmed({"payout": "pt-1"})),
    (payout("failed"), Declined("declined", {"reason": "failed"})),
    (payout("reversed"), Declined("declined", {"reason": "reversed"})),
    (payout("failed", payout_error={"error_code": "x"}), Declined("declined", {"reason": "x"})),
    (payout("gone"), Unknown),
    (payout("succeeded", receive_amount="401"), Mismatch("another amount")),
    (payout("succeeded", mobile="+221771234568"), Mismatch("another phone")),
    (payout("succeeded", client_reference="op-2:refund"), Unknown),
    (payout("succeeded", id=7), Unknown),
]


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *((200, body, expected) for body, expected in PAYOUTS),
        *UNUSABLE,
        (400, {}, Declined("refused_as_invalid")),
        (409, {}, Pending()),
    ],
)
def test_a_part_is_paid_out(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", PAYOUT, code, body)
    assert same(refund(wave, PART), expected)
    assert wave.payouts is not None
    assert same(wave.payouts.submit(PART), expected)
    sent = httpserver.log[-1][0]
    assert sent.headers["Idempotency-Key"] == uuid4_of("op-1:refund")
    assert sent.json == {
        "currency": "XOF",
        "receive_amount": "400",
        "mobile": "+221771234567",
        "client_reference": "op-1:refund",
    }


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [*((200, body, expected) for body, expected in PAYOUTS), *UNUSABLE, (404, {}, NotFound())],
)
def test_a_payout_is_asked_by_their_id(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", f"{PAYOUT}/pt-1", code, body)
    assert same(ask_refund(wave, replace(PART, known={"payout": "pt-1"})), expected)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        *((200, {"result": [body]}, expected) for body, expected in PAYOUTS),
        *UNUSABLE,
        (200, {"result": []}, NotFound()),
    ],
)
def test_or_by_our_reference(
    httpserver: HTTPServer, wave: Wave, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "GET", PAYOUT_SEARCH, code, body)
    assert same(ask_refund(wave, PART), expected)
    assert httpserver.log[-1][0].args.to_dict() == {"client_reference": "op-1:refund"}
