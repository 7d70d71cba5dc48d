"""An adapter against a real HTTP server, and what its tests share."""

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.clock import Clock
from core.dialects import DIALECTS
from core.operators import SANDBOX, OperatorSettings
from tests.doubles import FakeClock
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.port import Demand
from worker.partners.port import Reply, Unavailable, Unknown

GARBAGE = [
    (200, "<html>welcome</html>"),
    (200, "[]"),
    (200, "{}"),
    (200, ""),
    (302, ""),
    (403, "{}"),
    (500, "{}"),
    (502, ""),
    (504, "{}"),
]
"""Answers that say nothing about a request, whatever the dialect."""

Served = Mapping[str, tuple[int, Any]]
CALLBACK = "https://quittance.example/callbacks/op/op-1:debit.sig"
LOST = Unknown("connection lost (ConnectionError)")


def connect(dialect: str, server_url: str, clock: Clock | None = None, **options: str) -> Any:
    """The adapter of a dialect, with its default options and these."""
    needs = DIALECTS[dialect]
    given = {**dict.fromkeys(needs.credentials, SANDBOX), **needs.options, **options}
    settings = OperatorSettings(dialect, dialect, server_url, options=given)
    return ADAPTERS[dialect](settings, PartnerHttp(server_url, 5, connections=4), clock or FakeClock())


def demand(phone: str, minor: int, currency: str, step: str = "debit", **more: Any) -> Demand:
    return Demand(f"op-1:{step}", phone, minor, currency, **more)


def serve(server: HTTPServer, answers: Served) -> None:
    """Answers at these paths: with JSON, or with text as it is. No other path may be called."""
    for path, (status, body) in answers.items():
        text = body if isinstance(body, str) else json.dumps(body)
        server.expect_request(path).respond_with_data(text, status, headers={"Retry-After": "7"})


def cut(request: Request) -> Response:
    """A handler that closes the connection instead of answering, once the server has noted the request."""

    def gone() -> Iterator[bytes]:
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        yield b""

    return Response(gone())


def last(server: HTTPServer) -> Request:
    """The last request that the server has answered."""
    return server.log[-1][0]


def paths(server: HTTPServer) -> list[str]:
    return [request.path for request, _ in server.log]


def add(server: HTTPServer, method: str, path: str, status: int = 200, body: object = None) -> None:
    """Answers each request to a path.

    body: JSON, or text as it is sent.
    """
    handler = server.expect_request(path, method=method)
    if isinstance(body, str):
        handler.respond_with_data(body, status, headers={"Retry-After": "7"})
    else:
        handler.respond_with_json({} if body is None else body, status, headers={"Retry-After": "7"})


def lose_answers(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Lets the requests to a path arrive, and loses their answers."""
    exchange = PartnerHttp.exchange

    def lossy(self: PartnerHttp, method: str, at: str, *args: Any, **named: Any) -> Answer | Unknown | Unavailable:
        answer = exchange(self, method, at, *args, **named)
        return Unknown("no answer in time") if at == path else answer

    monkeypatch.setattr(PartnerHttp, "exchange", lossy)


def same(reply: Reply, expected: Reply | type[Reply]) -> bool:
    return type(reply) is expected if isinstance(expected, type) else reply == expected


def calls(server: HTTPServer, path: str) -> int:
    return sum(request.path == path for request, _ in server.log)
