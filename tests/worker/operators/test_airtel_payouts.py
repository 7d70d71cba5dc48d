"""Payouts of Airtel Money: what is sent, and what every answer means."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_httpserver import HTTPServer

from core.settings import BadSettings
from tests.worker.operators.kit import LOST, connect, cut, demand, last, paths, same, serve
from worker.partners.operators.airtel import Airtel, own_id
from worker.partners.operators.client import short_id_of
from worker.partners.operators.port import Service
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

PAY, TOKEN = "/standard/v2/disbursements/", "/auth/oauth2/token"
PAYOUT = demand("+260977123456", 500, "ZMW", step="payout", text="Prize n°1")
OUR_ID = short_id_of("op-1:payout")
STATUS = f"{PAY}{OUR_ID}"
THEIRS = {"airtel_money_id": "disburs-6EJL6CWF1D-1"}
KEY = rsa.generate_private_key(65537, 2048)


def spki(key: Any, encoding: Encoding = Encoding.DER) -> bytes:
    found: bytes = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return found


PUBLIC = base64.b64encode(spki(KEY)).decode()


def service(httpserver: HTTPServer, key: str = PUBLIC, pin: str = "1234") -> Service:
    httpserver.expect_request(TOKEN).respond_with_json({"access_token": "t-1", "expires_in": "180"})
    adapter = connect("airtel", httpserver.url_for(""), COUNTRY="ZM", PIN=pin, PUBLIC_KEY=key)
    assert isinstance(adapter, Airtel)
    assert adapter.payouts is not None
    return adapter.payouts


def answer(code: str, *, success: bool = False, **transaction: str) -> dict[str, Any]:
    status = {"code": "200", "message": "said so", "response_code": f"DP0090000{code}", "success": success}
    return {"data": {"transaction": transaction}, "status": status} if transaction else {"status": status}


def status(word: str, code: str) -> dict[str, Any]:
    return answer(code, success=True, id=OUR_ID, reference_id="18", status=word, **THEIRS)


def declined(code: str, reason: str) -> Declined:
    return Declined(code, {"reason": reason})


REFUSALS: list[tuple[str, Reply]] = [
    ("1003", declined("limit_exceeded", "1003")),
    ("1004", declined("refused_as_invalid", "1004")),
    ("1005", declined("declined", "1005")),
    ("1007", declined("insufficient_funds", "1007")),
    ("1009", declined("operator_misconfigured", "1009")),
    ("1010", declined("operator_misconfigured", "1010")),
    ("1012", declined("payer_not_found", "1012")),
    ("1013", declined("declined", "1013")),
    ("1016", declined("operator_misconfigured", "1016")),
    ("1018", declined("operator_misconfigured", "1018")),
]


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    [
        (200, status("TS", "1001"), Confirmed(THEIRS)),
        (200, status("TIP", "1006"), Pending()),
        (200, status("TA", "1000"), Pending()),
        (200, status("TF", "1013"), declined("declined", "1013")),
        (200, status("TF", "1014"), Pending()),
        (200, status("TF", "1001"), Unknown),
        *((200, answer(code), reply) for code, reply in REFUSALS),
        *((400, answer(code), reply) for code, reply in REFUSALS[:2]),
        *((200, answer(code), Pending()) for code in ("1000", "1006", "1011", "1014", "1017")),
        (200, answer("1001", success=True), Unknown),
        (200, answer("1015"), Unknown),
        (200, answer("1099"), Unknown),
        (200, {"status": {"response_code": "DP00800001007"}}, Unknown),
        (200, answer("1001", success=True, id="ANOTHER", status="TS"), Unknown),
        *(
            (400, {"status_code": code, "status_message": "PIN"}, declined("operator_misconfigured", code))
            for code in ("ROUTER114", "ROUTER115", "ROUTER116")
        ),
        (200, {"status": {"response_code": "ROUTER116"}}, declined("operator_misconfigured", "ROUTER116")),
        (400, {"status_code": "ROUTER117"}, Unknown),
        (500, {"status_code": "ROUTER116"}, Unknown),
        (200, "<html>", Unknown),
        (400, "{}", Unknown),
        (401, "", Unavailable("HTTP 401", 7)),
        (503, "", Unavailable("HTTP 503", 7)),
        (504, answer("1013"), Unknown),
    ],
)
def test_answers_to_a_payout(httpserver: HTTPServer, http: int, body: Any, expected: Reply | type[Reply]) -> None:
    payouts = service(httpserver)
    serve(httpserver, {PAY: (http, body)})
    assert same(payouts.submit(PAYOUT), expected)


@pytest.mark.parametrize(
    ("http", "body", "expected"),
    [
        (200, status("TS", "1001"), Confirmed(THEIRS)),
        (200, status("TIP", "1006"), Pending()),
        (200, status("TF", "1014"), Pending()),
        *((200, status("TF", code), reply) for code, reply in REFUSALS),
        (200, answer("1015"), NotFound()),
        (200, answer("1017"), Pending()),
        (200, answer("1025"), Unknown),
        (404, "{}", Unknown),
        (500, answer("1015"), Unknown),
        (503, "", Unavailable("HTTP 503", 7)),
    ],
)
def test_answers_to_an_enquiry(httpserver: HTTPServer, http: int, body: Any, expected: Reply | type[Reply]) -> None:
    payouts = service(httpserver)
    serve(httpserver, {STATUS: (http, body)})
    assert payouts.ask is not None
    assert same(payouts.ask(PAYOUT), expected)
    assert (last(httpserver).method, last(httpserver).args["transactionType"]) == ("GET", "B2C")


def test_what_a_payout_sends(httpserver: HTTPServer) -> None:
    payouts = service(httpserver)
    serve(httpserver, {PAY: (200, status("TS", "1001"))})
    payouts.submit(PAYOUT)
    sent = last(httpserver).json
    assert sent is not None
    sealed = base64.b64decode(sent.pop("pin"))
    assert KEY.decrypt(sealed, PKCS1v15()) == b"1234"
    assert sent == {
        "payee": {"currency": "ZMW", "msisdn": "977123456"},
        "reference": "Prizen1",
        "transaction": {"amount": 5, "id": OUR_ID, "type": "B2C"},
    }
    assert [last(httpserver).headers[name] for name in ("X-Country", "X-Currency")] == ["ZM", "ZMW"]


def test_a_text_that_is_too_short_is_no_reference(httpserver: HTTPServer) -> None:
    payouts = service(httpserver)
    serve(httpserver, {PAY: (200, status("TS", "1001"))})
    payouts.submit(replace(PAYOUT, text="n°1"))
    assert (last(httpserver).json or {})["reference"] == OUR_ID


def test_fractions_are_not_sent(httpserver: HTTPServer) -> None:
    assert service(httpserver).submit(replace(PAYOUT, minor=550)) == Declined("amount_not_supported")
    assert paths(httpserver) == []


def test_a_lost_answer_is_asked_about_by_our_id(httpserver: HTTPServer) -> None:
    payouts = service(httpserver)
    httpserver.expect_request(PAY).respond_with_handler(cut)
    assert payouts.submit(PAYOUT) == LOST
    assert payouts.recorded_as(PAYOUT) == OUR_ID


@pytest.mark.parametrize("key", [spki(KEY, Encoding.PEM).decode(), f" {PUBLIC[:64]}\n{PUBLIC[64:]}\n"], ids=range(2))
def test_the_key_is_read_with_and_without_its_lines(httpserver: HTTPServer, key: str) -> None:
    assert service(httpserver, key) is not None


@pytest.mark.parametrize(("pin", "key"), [("1234", ""), ("", PUBLIC), ("", "")], ids=range(3))
def test_without_a_pin_and_a_key_there_are_no_payouts(httpserver: HTTPServer, pin: str, key: str) -> None:
    assert connect("airtel", httpserver.url_for(""), PIN=pin, PUBLIC_KEY=key).payouts is None


OTHER_KEYS = ("x", "c2VjcmV0", PUBLIC[:-8], base64.b64encode(spki(ec.generate_private_key(ec.SECP256R1()))).decode())


@pytest.mark.parametrize("key", OTHER_KEYS, ids=range(len(OTHER_KEYS)))
def test_another_key_is_named_at_the_start(httpserver: HTTPServer, key: str) -> None:
    with pytest.raises(BadSettings, match="AIRTEL_PUBLIC_KEY"):
        service(httpserver, key)


def test_our_id_leads_back_to_the_reference() -> None:
    assert own_id("019ad3a4-5f0e-7c43-8a6b-0123456789ab:payout") == "AGNNHJC7BZ6EHCTLAERUKZ4JVMpayout"
    assert own_id("op-1:payout") == OUR_ID
