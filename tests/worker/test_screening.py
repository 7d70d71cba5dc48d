"""What a screening service says, and that a failure of it is never a verdict."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from proof.simulation.chance import Chance
from proof.simulation.partner import SimulatedPartner
from tests.answers import client_of
from tests.doubles import FakeClock
from tests.sandbox import Sandbox
from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.partners.screening import Screening, blacklist, verification

Make = Callable[[PartnerHttp, Breaker], Screening]
FAILURES = (201, 202, 302, 400, 401, 404, 409, 429, 500, 502, 503, 504)
VERIFIED, REFUSED = '{"result": "verified"}', '{"result": "rejected"}'
BODY = {"request_id": "op-1:verify", "username": "ama"}
REJECTED, LISTED = Declined("screening_rejected"), Declined("screening_listed")


def screening(make: Make, url: str, timeout_s: float = 5) -> Screening:
    return make(PartnerHttp(url, timeout_s, connections=1), Breaker("screening", FakeClock(), 1))


@pytest.mark.parametrize(
    ("make", "path", "text", "expected"),
    [
        (verification, "/api/verify", VERIFIED, Confirmed()),
        (verification, "/api/verify", REFUSED, REJECTED),
        (verification, "/api/verify", '{"result": "clear"}', Unavailable),
        (verification, "/api/verify", '{"result": "listed"}', Unavailable),
        (blacklist, "/api/blacklist/check", '{"result": "clear"}', Confirmed()),
        (blacklist, "/api/blacklist/check", '{"result": "listed"}', LISTED),
        (blacklist, "/api/blacklist/check", VERIFIED, Unavailable),
    ],
)
def test_verdicts(httpserver: HTTPServer, make: Make, path: str, text: str, expected: Reply | type[Reply]) -> None:
    httpserver.expect_request(path, method="POST", json=BODY).respond_with_data(text)
    reply = screening(make, httpserver.url_for("")).check("op-1:verify", "ama")
    assert isinstance(reply, expected) if isinstance(expected, type) else reply == expected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, ""),
        (200, "{}"),
        (200, "[]"),
        (200, '{"result": "rej'),
        (200, "<html>rejected</html>"),
        (200, '{"result": "REJECTED"}'),
        (200, '{"result": ["rejected"]}'),
        (200, '{"result": null}'),
        *((status, VERIFIED) for status in FAILURES),
        *((status, REFUSED) for status in FAILURES),
    ],
)
def test_anything_else_is_no_verdict(httpserver: HTTPServer, status: int, text: str) -> None:
    httpserver.expect_request("/api/verify", method="POST").respond_with_data(text, status, {"Retry-After": "7"})
    reply = screening(verification, httpserver.url_for("")).check("op-1:verify", "ama")
    assert isinstance(reply, Unavailable)
    assert reply.retry_after_s == (0 if status == 200 else 7)


def test_silence_is_no_verdict() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # connections are made, and nobody ever reads from them
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert screening(verification, url, 0.05).check("op-1:verify", "ama") == Unavailable("no answer in time")
    assert screening(verification, url, 0.05).check("op-1:verify", "ama") == Unavailable("no connection")


@pytest.mark.parametrize(
    ("username", "replies"),
    [
        ("verified", [Confirmed(), Confirmed()]),
        ("rejected", [REJECTED, Confirmed()]),
        ("listed", [Confirmed(), LISTED]),
        ("unchecked", [Unavailable("HTTP 500"), Unavailable("HTTP 500")]),
    ],
)
def test_the_sandbox_is_understood(httpserver: HTTPServer, tmp_path: Path, username: str, replies: list[Reply]) -> None:
    client = client_of(Sandbox(tmp_path).app)

    def play(request: Request) -> Response:
        return client.post(request.path, data=request.data, content_type=request.content_type)

    httpserver.expect_request("/api/verify").respond_with_handler(play)
    httpserver.expect_request("/api/blacklist/check").respond_with_handler(play)
    services = [screening(make, httpserver.url_for("")) for make in (verification, blacklist)]
    assert [service.check("op-1:verify", username) for service in services] == replies


def test_a_simulated_service_answers_by_what_it_is_sent() -> None:
    def look_up(path: str, body: Mapping[str, Any] | None) -> Answer:
        assert body is not None
        return Answer(200, {"result": "rejected" if (path, body) == ("/api/verify", BODY) else "verified"}, 0)

    chance = Chance("one", faults=False)
    partner = SimulatedPartner(FakeClock(), chance, None, look_up, lambda: None, frozenset())
    service = verification(partner, Breaker("screening", FakeClock(), 1))
    assert service.check("op-1:verify", "ama") == REJECTED
    assert service.check("op-1:verify", "kofi") == Confirmed()
