"""The proxy that we ship, in front of a real API: who gets in, how much, and how slowly."""

import re
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from devtools.nginx import FILES, Nginx, log_of
from devtools.servers import free_ports
from devtools.slow_clients import slow_clients
from devtools.stack import Stack
from tests.conftest import running
from tests.e2e.kit import FAST, Payments

SLOW = 500
TEMPLATE = "nginx.conf.template"
DEADLINES = {
    "client_header_timeout": "10s",
    "client_body_timeout": "10s",
    "send_timeout": "10s",
    "keepalive_timeout": "30s",
}
HALF_BODY = b"POST /amendes/payments/ HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\nhalf"
FILES_ASKED = 20
"""More of the largest file than buffers take."""
TRIAL = {"ALLOW_SANDBOX": "1", "ALLOW_SHORT_SECRETS": "1"}
"""Behind a proxy others reach the API: the sandbox has to be allowed."""
pytestmark = pytest.mark.xdist_group("proxy")


def started(upstream: int, **settings: str) -> Iterator[Nginx]:
    def open_server() -> Nginx:
        return Nginx(f"127.0.0.1:{upstream}", **settings)

    for server in running(open_server):
        server.start()
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {**FAST, "TRUSTED_PROXIES": "1", "USSD_KEY": "k" * 32, **TRIAL}
    with Stack(tmp_path_factory.mktemp("proxied"), settings) as stack:
        stack.start(["mock_api", "api"])
        yield stack


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Nginx]:
    """As Compose starts it: limits count anew for each test."""
    yield from started(stack.api_port)


def ask(proxy: Nginx, method: str, path: str, **how: Any) -> requests.Response:
    return requests.request(method, proxy.url + path, verify=proxy.trust, timeout=60, allow_redirects=False, **how)


def readable(path: Path) -> None:
    """Lets the server's own user read a folder: those above it that are not for everybody are made so."""
    for folder in (path, *path.parents):
        if folder.stat().st_mode & 0o005 == 0o005:
            return
        folder.chmod(0o755)


@contextmanager
def connected(proxy: Nginx) -> Iterator[ssl.SSLSocket]:
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(8)
        plain.connect(("127.0.0.1", proxy.port))
        with proxy.tls().wrap_socket(plain, server_hostname="127.0.0.1") as client:
            yield client


def received(client: ssl.SSLSocket) -> bytes:
    """All that comes until the server closes the connection, within the client's time."""
    parts = []
    with suppress(ConnectionResetError, ssl.SSLEOFError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def until_refused(proxy: Nginx, headers: dict[str, str] | None = None, path: str = "/healthz") -> requests.Response:
    """Returns the first answer that says "too many", once nginx has read the heads of those who hold their requests."""
    for _ in range(100):
        if (answer := ask(proxy, "GET", path, headers=headers)).status_code == 429:
            return answer
    raise AssertionError("nobody was refused")


def assert_refused(answer: requests.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)


def test_a_payment_comes_through_and_is_followed_by_https(stack: Stack, proxy: Nginx) -> None:
    # Given a client who says that it speaks for others
    lies = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.1"}
    lies |= {"Forwarded": "host=evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "1"}
    answer = ask(proxy, "POST", "/amendes/payments/", json=Payments(stack).body("+2250707000011"), headers=lies)

    # I expect the URL by which the proxy is reached
    assert answer.status_code == 202
    assert answer.headers["Location"].startswith(f"{proxy.url}/amendes/payments/")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["Server"] == "nginx"  # without its version
    assert requests.get(answer.headers["Location"], verify=proxy.trust, timeout=30).status_code == 200


def test_guesses_count_by_the_address_that_the_proxy_sees(proxy: Nginx) -> None:
    # Given somebody who guesses a password and names another address each time
    statuses = []
    for guess in range(6):
        form = {"username": "nobody-has-this-name", "password": f"a wrong guess {guess}"}
        named = {"X-Forwarded-For": f"192.0.2.{guess}"}
        statuses.append(ask(proxy, "POST", "/v1/auth/token", data=form, headers=named).status_code)

    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/docs/../metrics", "/readyz", "/readyz/"])
def test_figures_are_not_for_the_outside(proxy: Nginx, path: str) -> None:
    request = requests.Request("GET", proxy.url).prepare()
    request.url = proxy.url + path  # requests itself would make it simpler
    with requests.Session() as client:
        assert_refused(client.send(request, verify=proxy.trust, timeout=30), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/ussd", "/ussd/", "//ussd/", "/ussd/africastalking", "/ussd/infobip/session/1/start"]
)
def test_ussd_is_for_the_addresses_of_gateways(stack: Stack, path: str) -> None:
    dial = {"sessionid": "1", "msisdn": "+2250707000001", "message": ""}
    for shut in started(stack.api_port):
        assert_refused(ask(shut, "POST", path, json=dial), 403, "forbidden")


def test_a_gateway_that_is_named_gets_in(stack: Stack, tmp_path: Path) -> None:
    named = tmp_path / "addresses.conf"
    readable(tmp_path)
    named.write_text((FILES / "ussd_addresses.conf").read_text().replace("# allow 192.0.2.0/24", "allow 127.0.0.1"))
    dial = {"sessionid": "1", "msisdn": "+2250707000001", "message": ""}
    for opened in started(stack.api_port, PROXY_USSD_ADDRESSES=str(named)):
        assert ask(opened, "POST", "/ussd/", json=dial).status_code == 401
        answer = ask(opened, "POST", "/ussd/", json=dial, headers={"X-Gateway-Key": "k" * 32})
        assert answer.status_code == 200


def test_without_tls_pages_are_redirected_and_nothing_else_is_taken(proxy: Nginx) -> None:
    page = requests.get(f"{proxy.plain_url}/docs/?x=1", timeout=30, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (308, "https://127.0.0.1/docs/?x=1")

    form = {"username": "awa", "password": "correct horse battery"}
    assert_refused(requests.post(f"{proxy.plain_url}/v1/auth/token", data=form, timeout=30), 403, "forbidden")


def test_an_address_that_asks_too_often_waits(stack: Stack) -> None:
    for strict in started(stack.api_port, PROXY_REQUESTS_PER_S="1", PROXY_BURST="2"):
        answers = [ask(strict, "GET", "/healthz") for _ in range(10)]
        assert answers[0].status_code == 200
        assert_refused(answers[-1], 429, "too_many_requests")
        assert answers[-1].headers["Retry-After"] == "2"
        assert answers[-1].headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_body_that_is_too_large_is_refused(proxy: Nginx) -> None:
    assert_refused(ask(proxy, "POST", "/amendes/payments/", data=b"x" * 300_000), 413, "request_too_large")


def test_an_address_has_so_many_requests_at_once(stack: Stack) -> None:
    for strict in started(stack.api_port, PROXY_CONNECTIONS="1"):
        with connected(strict) as held:
            held.sendall(HALF_BODY)
            assert_refused(until_refused(strict), 429, "too_many_requests")


def test_who_shows_a_token_is_not_kept_out_by_others_at_the_address(stack: Stack) -> None:
    # Given a stranger who holds all requests that an address has without tokens
    token = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
    for strict in started(
        stack.api_port,
        PROXY_CONNECTIONS="2",
        PROXY_ADDRESS_CONNECTIONS="4",
        PROXY_REQUESTS_PER_S="100",
        PROXY_BURST="100",
    ):
        with ExitStack() as held:
            for _ in range(2):
                held.enter_context(connected(strict)).sendall(HALF_BODY)
            until_refused(strict)

            assert ask(strict, "GET", "/v1/operations", headers=token).status_code == 200

            # Made-up tokens have requests of their own, until the address has none
            for made_up in (b"Bearer a", b"Bearer b"):
                body = HALF_BODY.replace(b"Host: a", b"Host: a\r\nAuthorization: " + made_up)
                held.enter_context(connected(strict)).sendall(body)
            assert_refused(until_refused(strict, token), 429, "too_many_requests")


def test_who_is_slow_is_given_up(stack: Stack, tmp_path: Path) -> None:
    # Given the same deadlines, in shorter
    text = (FILES / TEMPLATE).read_text()
    for name, within in DEADLINES.items():
        assert f"    {name} {within};" in text
        text = text.replace(f"    {name} {within};", f"    {name} 1s;")
    shutil.copytree(FILES, tmp_path / "files")
    (tmp_path / "files" / TEMPLATE).write_text(text)
    readable(tmp_path)
    for hasty in started(stack.api_port, PROXY_FILES=str(tmp_path / "files")):
        with ExitStack() as held:
            silent, half_head, half_body, idle, reading = (held.enter_context(connected(hasty)) for _ in range(5))
            half_head.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ")
            half_body.sendall(HALF_BODY)
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            reading.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * FILES_ASKED)

            assert [received(each) for each in (silent, half_head)] == [b"", b""]
            assert received(idle).startswith(b"HTTP/1.1 200")
            # The API has not seen the head, or it would have refused the type at once
            assert b" 415 " not in received(half_body)
            with connected(hasty) as late:  # and nothing is read until this one is given up too
                assert received(late) == b""
            assert received(reading).count(b"HTTP/1.1 200 OK") < FILES_ASKED


def test_a_long_token_is_read_once() -> None:
    """A pattern that may begin anywhere is tried at each of 8,000 places, before any limit."""
    text = (FILES / TEMPLATE).read_text()
    patterns = re.findall(r'"~(.+?)" ', text[text.index("map $http_authorization") : text.index("limit_conn_zone")])
    assert len(patterns) == 2
    assert all(pattern.startswith("^") for pattern in patterns)


def test_each_long_token_counts_for_itself(stack: Stack) -> None:
    for strict in started(stack.api_port, PROXY_REQUESTS_PER_S="1", PROXY_BURST="1"):
        one, other = ({"Authorization": f"Bearer {'x' * 4000}{end}"} for end in "ab")
        assert [ask(strict, "GET", "/healthz", headers=one).status_code for _ in range(3)][-1] == 429
        assert ask(strict, "GET", "/healthz", headers=other).status_code == 200


def test_readers_of_the_largest_file_are_few_and_keep_nobody_out(stack: Stack) -> None:
    for patient in started(stack.api_port, PROXY_REQUESTS_PER_S="1000", PROXY_BURST="1000"):
        with ExitStack() as held:
            for _ in range(8):
                reader = held.enter_context(connected(patient))
                reader.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * FILES_ASKED)
            assert_refused(until_refused(patient, path="/docs/swagger-ui-bundle.js"), 429, "too_many_requests")
            assert ask(patient, "GET", "/healthz").status_code == 200


def test_what_slow_clients_do_not_show() -> None:
    text = (FILES / TEMPLATE).read_text()
    for line in ("proxy_buffering on;", "proxy_next_upstream off;", "ssl_protocols TLSv1.2 TLSv1.3;"):
        assert f"\n    {line}" in text


def test_a_service_that_is_away_is_said_to_be(stack: Stack) -> None:
    (nobody,) = free_ports(1)
    for alone in started(nobody):
        answer = ask(alone, "GET", "/amendes/payments/?msisdn=%2B2250707000011")
        assert_refused(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "5"
        assert "0707000011" not in log_of(alone)  # an error quotes the request


def test_the_logs_hold_no_phone_and_no_token(proxy: Nginx) -> None:
    ask(proxy, "GET", "/amendes/payments/?msisdn=%2B2250707000011")
    ask(proxy, "POST", "/callbacks/mtn/the-token-of-a-step", json={})

    # nginx writes the line after the answer
    for _ in range(100):
        if "POST /callbacks/mtn 200" in (log := log_of(proxy)):
            break
        time.sleep(0.05)
    assert "GET /amendes/payments/ 401" in log
    assert "POST /callbacks/mtn 200" in log
    assert "0707000011" not in log
    assert "the-token" not in log


@pytest.mark.slow
def test_slow_clients_keep_nobody_out(stack: Stack, proxy: Nginx) -> None:
    # Given hundreds of connections that are held by half heads, half bodies, answers that nobody reads, and silence
    payments = Payments(stack)
    with slow_clients(proxy.port, SLOW, proxy.tls()) as held:
        assert len(held) == SLOW

        # I expect that whoever pays meanwhile is served
        for _ in range(15):
            assert ask(proxy, "GET", "/healthz").status_code == 200
            answer = ask(proxy, "POST", "/amendes/payments/", json=payments.body("+2250707000011"))
            assert answer.status_code == 202
    assert "Traceback" not in stack.log("api")
