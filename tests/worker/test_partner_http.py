"""What every failure of a partner is taken for. The table is the contract; the sockets are real."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import REFERENCE_CONFLICT, Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown
from worker.partners.registry import KnownFine, Registry

BODY = {"request_id": "r-1"}
OK = '{"request_id": "r-1", "status": "SUCCESSFUL", "transaction_id": "t-1"}'
FAILED = '{"request_id": "r-1", "status": "FAILED", "reason": "INSUFFICIENT_FUNDS"}'
PENDING = '{"request_id": "r-1", "status": "PENDING"}'
DONE = Confirmed({"transaction_id": "t-1"})

SHARED = [
    (200, OK, DONE),
    (200, FAILED, Declined("insufficient_funds", {"reason": "INSUFFICIENT_FUNDS"})),
    (200, '{"request_id": "r-1", "status": "FAILED"}', Declined("declined")),
    (200, FAILED.replace("INSUFFICIENT_FUNDS", "+22507 is broke"), Declined("declined", {"reason": "+22507 is broke"})),
    (200, OK.replace("}", f', "x": "{"y" * 70_000}"' + "}"), Unknown),
    (200, PENDING, Pending()),
    (202, PENDING, Pending()),
    (202, OK, Unknown),
    (200, OK.replace("r-1", "r-2"), Unknown),
    (200, '{"status": "SUCCESSFUL"}', Unknown),
    (200, '{"request_id": "r-1", "status": "MAYBE"}', Unknown),
    (200, '{"request_id": "r-1"', Unknown),
    (200, "<html>welcome</html>", Unknown),
    (200, "[]", Unknown),
    (200, OK.replace("t-1", r"\ud800"), Unknown),
    (200, OK.replace("t-1", r"\u00e9"), Confirmed({"transaction_id": "é"})),
    (200, "", Unknown),
    (204, "", Unknown),
    (302, "", Unknown),
    (500, FAILED, Unknown),
    (502, "", Unknown),
    (504, OK, Unknown),
    (429, "", Unavailable("HTTP 429", 7)),
    (503, OK, Unavailable("HTTP 503", 7)),
]
SUBMIT = [
    *SHARED,
    (400, "{}", Declined("refused_as_invalid")),
    (409, "{}", Declined(REFERENCE_CONFLICT)),
    (404, "{}", Unknown),
    (401, "{}", Unknown),
]
ENQUIRE = [*SHARED, (404, "{}", NotFound()), (404, "<html>", NotFound()), (400, "{}", Unknown), (409, "{}", Unknown)]


def same(reply: Reply, expected: Reply | type[Reply]) -> bool:
    return isinstance(reply, expected) if isinstance(expected, type) else reply == expected


@pytest.fixture
def partner(httpserver: HTTPServer) -> PartnerHttp:
    return PartnerHttp(httpserver.url_for(""), timeout_s=5, connections=4, reasons=["INSUFFICIENT_FUNDS"])


@pytest.mark.parametrize(("status", "text", "expected"), SUBMIT)
def test_answers_to_a_submission(
    httpserver: HTTPServer, partner: PartnerHttp, status: int, text: str, expected: Reply
) -> None:
    httpserver.expect_request("/debits", method="POST", json=BODY).respond_with_data(
        text, status, headers={"Retry-After": "7", "Location": "/elsewhere"}
    )
    assert same(partner.submit("POST", "/debits", BODY), expected)


@pytest.mark.parametrize(("status", "text", "expected"), ENQUIRE)
def test_answers_to_an_enquiry(
    httpserver: HTTPServer, partner: PartnerHttp, status: int, text: str, expected: Reply
) -> None:
    httpserver.expect_request("/requests/r-1").respond_with_data(text, status, headers={"Retry-After": "7"})
    assert same(partner.enquire("r-1"), expected)


@pytest.mark.parametrize(("text", "seconds"), [("12", 12), ("999999", 900), ("-1", 0), ("soon", 0), ("1.5", 0)])
def test_retry_after_is_seconds_within_reason(
    httpserver: HTTPServer, partner: PartnerHttp, text: str, seconds: float
) -> None:
    httpserver.expect_request("/requests/r-1").respond_with_data("", 503, headers={"Retry-After": text})
    assert partner.enquire("r-1") == Unavailable("HTTP 503", seconds)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does what it likes with each connection; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def read_request(connection: socket.socket) -> None:
    """All of it: a connection that is closed over unread bytes is reset, and the answer may be lost with it."""
    text = b""
    while not text.endswith(json.dumps(BODY).encode()):
        text += connection.recv(65536)


def reset(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def close_at_once(connection: socket.socket) -> None:
    connection.recv(65536)


def garbage(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def half_an_answer(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" + OK.encode()
    )


@pytest.mark.parametrize("serve", [reset, close_at_once, garbage, half_an_answer])
def test_a_connection_that_breaks_after_the_request_leaves_open_what_happened(
    serve: Callable[[socket.socket], None],
) -> None:
    with listening(serve) as url:
        assert isinstance(PartnerHttp(url, 5, 1).submit("POST", "/debits", BODY), Unknown)


def test_silence_is_not_a_refusal() -> None:
    answered = threading.Event()

    def wait(connection: socket.socket) -> None:
        answered.wait(10)

    with listening(wait) as url:
        reply = PartnerHttp(url, 0.05, 1).submit("POST", "/debits", BODY)
        answered.set()
    assert reply == Unknown("no answer in time")


@pytest.mark.parametrize("encoding", ["plain", "gzip"])
def test_an_answer_in_small_pieces_is_read_whole(encoding: str) -> None:
    def pieces(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_request(connection)
        body = gzip.compress(OK.encode()) if encoding == "gzip" else OK.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.replace("Content-Encoding: plain\r\n", "").encode())
        for byte in body:
            connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    with listening(pieces) as url:
        assert PartnerHttp(url, 5, 1).submit("POST", "/debits", BODY) == DONE


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_an_answer_that_drips_is_given_up(head: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        with suppress(OSError):
            while not given_up.wait(0.02):
                connection.sendall(b" ")

    given_up = threading.Event()
    with listening(drip) as url:
        reply = PartnerHttp(url, 0.2, 1).submit("POST", "/debits", BODY)
        given_up.set()
    assert isinstance(reply, Unknown)


def test_nobody_listening_means_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert PartnerHttp(url, 1, 1).submit("POST", "/debits", BODY) == Unavailable("no connection")
    assert PartnerHttp("http://no-such-host.invalid", 1, 1).enquire("r-1") == Unavailable("no connection")


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, '{"status": "DUE", "amount": "15000"}', Confirmed()),
        (200, '{"status": "DUE", "amount": 15000.0}', Confirmed()),
        (200, '{"status": "DUE", "amount": "15000.5"}', Declined("fine_amount_mismatch", {"due": "15000.5"})),
        (200, '{"status": "DUE"}', Declined("fine_amount_mismatch")),
        (200, '{"status": "DUE", "amount": "15000", "currency": "XOF"}', Confirmed()),
        (200, '{"status": "DUE", "amount": "15000", "currency": "GNF"}', Declined("fine_currency_mismatch")),
        (200, '{"status": "DUE", "amount": "15000", "currency": null}', Declined("fine_currency_mismatch")),
        (200, '{"status": "PAID", "amount": "15000"}', Declined("fine_already_paid")),
        (200, '{"status": "CANCELLED", "amount": "15000"}', Declined("fine_cancelled")),
        (404, "{}", Declined("unknown_fine")),
        (200, "<html>", Unavailable),
        (500, "", Unavailable),
        (504, "", Unavailable),
        (429, "", Unavailable("HTTP 429", 7)),
    ],
)
def test_checking_a_fine(httpserver: HTTPServer, partner: PartnerHttp, status: int, text: str, expected: Reply) -> None:
    httpserver.expect_request("/amendes/A-1").respond_with_data(text, status, headers={"Retry-After": "7"})
    registry = Registry(partner, Breaker("registry", FakeClock(), 1), "XOF")
    assert same(registry.check("A-1", 15000, "XOF"), expected)


def test_a_registry_that_names_no_currency_has_the_one_of_the_settings(
    httpserver: HTTPServer, partner: PartnerHttp
) -> None:
    httpserver.expect_request("/amendes/A-1").respond_with_data('{"status": "DUE", "amount": "15000"}')
    registry = Registry(partner, Breaker("registry", FakeClock(), 1), "XOF")
    assert same(registry.check("A-1", 15000_00, "MGA"), Declined("fine_currency_mismatch"))


def test_a_look_that_gets_no_answer_may_be_repeated() -> None:
    with listening(reset) as url:
        assert isinstance(PartnerHttp(url, 5, 1).look("/amendes/A-1"), Unavailable)


def test_a_look_finds_what_is_there(httpserver: HTTPServer, partner: PartnerHttp) -> None:
    httpserver.expect_request("/x").respond_with_json({"a": 1})
    assert partner.look("/x") == Answer(200, {"a": 1}, 0)


def test_references_with_odd_characters_reach_the_partner_whole(httpserver: HTTPServer, partner: PartnerHttp) -> None:
    partner.enquire("id:settle:A/B?c#d")
    assert httpserver.log[0][0].path == "/requests/id:settle:A/B?c#d"


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, '{"request_id": "op-1:reopen:A-1", "status": "SUCCESSFUL"}', Confirmed()),
        (200, '{"request_id": "op-1:reopen:A-1", "status": "FAILED", "reason": "NOT_PAID"}', Declined("not_paid", ANY)),
        (404, "", Declined("reopen_not_supported")),
        (405, "", Declined("reopen_not_supported")),
        (501, "", Declined("reopen_not_supported")),
        (503, "", Unavailable),
        (504, "", Unknown),
    ],
)
def test_reopening_a_fine(httpserver: HTTPServer, status: int, text: str, expected: Reply) -> None:
    httpserver.expect_request("/amendes/A-1/reopen", method="POST").respond_with_data(text, status)
    http = PartnerHttp(httpserver.url_for(""), 5, 1, Registry.REASONS)
    registry = Registry(http, Breaker("registry", FakeClock(), 1), "XOF")
    assert same(registry.reopen("op-1:reopen:A-1", "A-1", "pay-1"), expected)


SHOWN = {"id": "A-1", "amount": "150", "status": "DUE", "motif": "Feu rouge", "date": "2026-04-12", "colour": 3}
UNREADABLE = (
    {"id": "A-2"},
    {**SHOWN, "amount": "1.5"},
    {**SHOWN, "status": "NEW"},
    {**SHOWN, "currency": 3},
    "x",
    None,
)
KNOWN = KnownFine("A-1", 150, "XOF", "due", "Feu rouge", "2026-04-12")
PAID = replace(KNOWN, amount=15000, currency="EUR", status="paid")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"amendes": [SHOWN, *UNREADABLE]}, [KNOWN]),
        (200, {"amendes": [{**SHOWN, "status": "PAID"}], "currency": "EUR"}, [PAID]),
        (200, {"amendes": []}, []),
        (200, {"amendes": {}}, Unavailable),
        *((status, {}, Declined("fine_lists_not_supported")) for status in (400, 404, 405, 501)),
        (429, {}, Unavailable),
        (503, {}, Unavailable),
        (504, {}, Unavailable),
    ],
)  # fmt: skip
def test_listing_what_a_phone_owes(httpserver: HTTPServer, status: int, body: object, expected: Any) -> None:
    asked = httpserver.expect_request("/amendes", query_string={"msisdn": "+2250707000001"})
    asked.respond_with_json(body, status)
    registry = Registry(PartnerHttp(httpserver.url_for(""), 5, 1), Breaker("registry", FakeClock(), 1), "XOF")
    found = registry.owed(msisdn="+2250707000001")
    assert found == expected if isinstance(expected, list) else same(found, expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "body", "expected"), [(200, SHOWN, [KNOWN]), (404, {}, []), (200, {}, Unavailable)])
def test_showing_a_fine(httpserver: HTTPServer, status: int, body: object, expected: Any) -> None:
    httpserver.expect_request("/amendes/A-1").respond_with_json(body, status)
    registry = Registry(PartnerHttp(httpserver.url_for(""), 5, 1), Breaker("registry", FakeClock(), 1), "XOF")
    found = registry.show("A-1")
    assert found == expected if isinstance(expected, list) else same(found, expected)  # type: ignore[arg-type]
