"""Calls of strangers' URLs: to the address that was checked, with one deadline, and never further."""

import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPSConnection
from werkzeug import Request, Response

from core.look_ups import LookUps
from core.targets import Rules
from tests.doubles import FakeClock
from worker.partners.pinned import Heard, NotHeard, PinnedHttp, _TlsConnection

HERE = Rules(http=True, private=True)


class Names:
    """A name server that gives other addresses each time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Iterable[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def post(
    server: HTTPServer, names: Names, rules: Rules = HERE, path: str = "/hook", within_s: float = 5
) -> Heard | NotHeard:
    http = PinnedHttp(FakeClock(), rules, within_s, LookUps(names))
    return http.post(f"http://client.example:{server.port}{path}", b'{"a":1}', {"webhook-id": "msg_1"}, "shop")


def test_the_call_goes_to_the_address_that_was_checked(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_data("thanks", 200)
    names = Names("127.0.0.1", "169.254.169.254")
    assert post(httpserver, names) == Heard(200, b"thanks", 0)
    request = httpserver.log[0][0]
    assert (request.host, request.data, request.headers["webhook-id"]) == (
        f"client.example:{httpserver.port}",
        b'{"a":1}',
        "msg_1",
    )
    assert names.asked == 1


def test_a_name_that_changes_its_address_is_checked_again(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 200)
    names = Names("127.0.0.1", "169.254.169.254")
    http = PinnedHttp(FakeClock(), HERE, 5, LookUps(names))
    url = f"http://client.example:{httpserver.port}/hook"
    assert isinstance(http.post(url, b"", {}, "shop"), Heard)
    second = http.post(url, b"", {}, "shop")
    assert isinstance(second, NotHeard)
    assert second.refused
    assert len(httpserver.log) == 1


def test_a_private_address_is_not_called(httpserver: HTTPServer) -> None:
    heard = post(httpserver, Names("127.0.0.1"), Rules(http=True))
    assert heard == NotHeard("the URL must not lead to an address that is not public.", refused=True)
    assert httpserver.log == []


def test_redirects_are_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 302, {"Location": "/elsewhere"})
    assert post(httpserver, Names("127.0.0.1")) == Heard(302, b"", 0)
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


def test_only_the_beginning_of_an_answer_is_read(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("x" * 1_000_000, 200)
    assert post(httpserver, Names("127.0.0.1")) == Heard(200, b"x" * 1024, 0)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120),
        ("999999", 86400),
        ("Thu, 01 Jan 2026 12:01:00 GMT", 60),
        ("Thu, 01 Jan 2020 00:00:00 GMT", 0),
        ("soon", 0),
        ("-1", 0),
    ],
)
def test_retry_after_in_both_forms(httpserver: HTTPServer, said: str, wait_s: float) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 503, {"Retry-After": said})
    assert post(httpserver, Names("127.0.0.1")) == Heard(503, b"", wait_s)


def test_one_deadline_is_over_all(httpserver: HTTPServer) -> None:
    """The receiver sends a byte now and then: each is in time, and the whole is not."""

    def slow(request: Request) -> Response:
        def drip() -> Iterable[bytes]:
            for _ in range(200):
                time.sleep(0.05)
                yield b"x"

        return Response(drip(), 200)

    httpserver.expect_request("/hook").respond_with_handler(slow)
    heard = post(httpserver, Names("127.0.0.1"), within_s=0.5)
    assert isinstance(heard, Heard)
    assert 0 < len(heard.body) < 100


def test_the_deadline_is_over_the_head_of_an_answer_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as receiver:
        receiver.submit(_drip, server)
        port, began = server.getsockname()[1], time.monotonic()
        http = PinnedHttp(FakeClock(), HERE, 0.5, LookUps(Names("127.0.0.1")))
        heard = http.post(f"http://client.example:{port}/", b"", {}, "shop")
        assert isinstance(heard, NotHeard)
        assert time.monotonic() - began < 5


def _drip(server: socket.socket) -> None:
    """Answers with a head that takes ten seconds."""
    connection, _ = server.accept()
    with suppress(OSError), connection:
        for letter in b"HTTP/1.1 200 OK\r\nX: ".ljust(200, b"x"):
            connection.sendall(bytes([letter]))
            time.sleep(0.05)


def test_the_handshake_gets_what_connecting_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now, (ours, theirs) = [0.0], socket.socketpair()

    def connected(connection: HTTPSConnection) -> socket.socket:
        now[0] += 4
        return ours

    monkeypatch.setattr(HTTPSConnection, "_new_conn", connected)
    monkeypatch.setattr("worker.partners.pinned.time", SimpleNamespace(monotonic=lambda: now[0]))
    with ours, theirs:
        assert _TlsConnection("127.0.0.1", 443, timeout=5)._new_conn().gettimeout() == 1


def test_connections_that_are_used_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.partners.pinned.POOLS", 2)
    http = PinnedHttp(FakeClock(), HERE, 5)
    first, second = (http._pool("http", "127.0.0.1", 9, host) for host in ("one", "two"))
    assert http._pool("http", "127.0.0.1", 9, "one") is first
    http._pool("http", "127.0.0.1", 9, "three")
    assert http._pool("http", "127.0.0.1", 9, "one") is first
    assert second.pool is None  # it is closed


def test_an_attempt_whose_connections_were_closed_is_made_over_others(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 200)
    closed = HTTPConnectionPool("127.0.0.1", httpserver.port)
    closed.close()
    found, rest = [closed], PinnedHttp._pool
    monkeypatch.setattr(PinnedHttp, "_pool", lambda http, *key: found.pop() if found else rest(http, *key))
    assert post(httpserver, Names("127.0.0.1")) == Heard(200, b"", 0)


def test_nobody_listens() -> None:
    http = PinnedHttp(FakeClock(), HERE, 5, LookUps(Names("127.0.0.1")))
    assert http.post("http://client.example:9/hook", b"", {}, "shop") == NotHeard("no connection")


def test_a_name_that_is_not_found() -> None:
    def unknown(host: str, port: int) -> Iterable[str]:
        raise OSError

    http = PinnedHttp(FakeClock(), HERE, 5, LookUps(unknown))
    assert http.post("https://client.invalid/hook", b"", {}, "shop") == NotHeard("the name was not found")
