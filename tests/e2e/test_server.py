"""What the API's server does with clients that send no HTTP, half of it, or nothing."""

import json
import socket
import sys
from collections.abc import Iterator

import pytest
import requests

from devtools.stack import Stack

SECRET = b"username=awa&password=hunter2secret"
JSON_POST = b"POST /amendes/payments/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n"
FORM = (
    b"POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CALLBACK = b"POST /callbacks/mtn/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
IMPATIENT = """
from gevent import monkey
monkey.patch_all()
import sys
from gunicorn.app.wsgiapp import run
from api import connection
connection.IDLE_S, connection.HEAD_S, connection.BODY_S, connection.ANSWER_S = 0.3, 0.3, 0.3, 0.3
sys.argv = ["gunicorn", "--config", "api/server.py", "--no-control-socket", "web.app:create_app()"]
run()
"""
"""The API with short deadlines."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("server")) as stack:
        stack.start(["api"])
        yield stack


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    program = [sys.executable, "-c", IMPATIENT]
    with Stack(tmp_path_factory.mktemp("impatient"), programs={"api": program}) as stack:
        stack.start(["api"])
        yield stack


def exchange(stack: Stack, sent: bytes, ends: bool = False) -> bytes:
    """All that the server answers until it closes the connection. ends: the client closes its side after sending."""
    received = b""
    with socket.create_connection(("127.0.0.1", stack.api_port), timeout=30) as client:
        client.sendall(sent)
        if ends:
            client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            received += part
    return received


def assert_refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert first.split()[1] == str(status), answer
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    details = json.loads(body)
    assert (details["status"], details["code"]) == (status, code)
    assert b"hunter2" not in answer


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("head", [CHUNKED, FORM, CALLBACK])
@pytest.mark.parametrize(
    "body", [SECRET + b"\r\n\r\n", b"3\r\n{}\r\n" + SECRET + b"\r\n", b"5;" + SECRET + b"\x00\r\n{}"]
)
def test_malformed_chunks_are_refused_and_not_quoted(stack: Stack, head: bytes, body: bytes, ends: bool) -> None:
    assert_refused(exchange(stack, head + body, ends), 400, "bad_request")

    assert "hunter2" not in stack.log("api")
    assert "Traceback" not in stack.log("api")


@pytest.mark.parametrize("head", [CHUNKED + b"40\r\n", JSON_POST + b"Content-Length: 64\r\n\r\n"])
def test_a_body_that_ends_too_early_is_refused(stack: Stack, head: bytes) -> None:
    assert_refused(exchange(stack, head + b'{"password": "hunter2"', ends=True), 400, "bad_request")

    assert "Traceback" not in stack.log("api")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"hunter2 is no HTTP\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nhunter2\r\n\r\n", 400, "bad_request"),
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad_request"),
        (b"GET /?" + b"hunter2" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"hunter2" * 2000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: hunter2\r\n\r\n", 417, "expectation_failed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: hunter2\r\n\r\n", 501, "not_implemented"),
    ],
)
def test_what_is_no_request_gets_a_problem(stack: Stack, sent: bytes, status: int, code: str) -> None:
    assert_refused(exchange(stack, sent), status, code)

    assert "hunter2" not in stack.log("api")


def test_no_answer_names_the_software(stack: Stack) -> None:
    for path in ("/healthz", "/docs/", "/docs/swagger-ui.css", "/nope"):
        answer = requests.get(stack.api + path, timeout=30)
        assert "Server" not in answer.headers, path


def test_a_half_sent_head_is_given_up(impatient: Stack) -> None:
    assert exchange(impatient, b"POST / HTTP/1.1\r\nHost: localhost\r\nX-A: ") == b""


def test_a_silent_connection_is_given_up(impatient: Stack) -> None:
    assert exchange(impatient, b"") == b""


def test_a_connection_that_stays_after_its_request_is_given_up(impatient: Stack) -> None:
    answer = exchange(impatient, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"keep-alive" in answer


@pytest.mark.parametrize("head", [CHUNKED + b"40\r\n", JSON_POST + b"Content-Length: 64\r\n\r\n"])
def test_a_half_sent_body_is_refused_as_too_slow(impatient: Stack, head: bytes) -> None:
    assert_refused(exchange(impatient, head + b'{"password": "hunter2"'), 408, "request_timeout")

    assert "Traceback" not in impatient.log("api")


def test_a_client_that_does_not_read_is_given_up(impatient: Stack) -> None:
    ask = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", impatient.api_port))
        client.sendall(ask * 20)
        poller_saw_the_end = False
        try:
            while client.send(ask):  # until the server has closed: it reads no more, and then resets
                pass
        except OSError as error:
            poller_saw_the_end = not isinstance(error, TimeoutError)
    assert poller_saw_the_end
    assert requests.get(f"{impatient.api}/healthz", timeout=30).ok
    assert "Traceback" not in impatient.log("api")


def test_no_header_of_a_proxy_is_believed_not_even_from_this_machine(stack: Stack) -> None:
    # gunicorn's own defaults believe 127.0.0.1
    body = json.dumps(
        {"msisdn": "+2250707000001", "currency": "XOF", "amount": 1, "amendes": [{"id": "AM-1", "amount": 1}]}
    ).encode()
    answer = exchange(
        stack,
        JSON_POST
        + b"X-Forwarded-Proto: https\r\nSCRIPT_NAME: /foo\r\nConnection: close\r\n"
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body,
    )
    assert b" 202 " in answer.split(b"\r\n")[0]
    assert b"\r\nLocation: http://localhost/amendes/payments/" in answer

    moved = JSON_POST.replace(b"/amendes", b"/foo/amendes") + b"SCRIPT_NAME: /foo\r\nConnection: close\r\n\r\n"
    assert b" 404 " in exchange(stack, moved).split(b"\r\n")[0]
