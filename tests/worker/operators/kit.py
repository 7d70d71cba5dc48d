"""Adapters of operators against a server on this machine."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from core.clock import Clock
from core.dialects import DIALECTS
from core.operators import SANDBOX, OperatorSettings
from tests.doubles import FakeClock
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.dialects import ADAPTERS
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


def connect(dialect: str, server_url: str, clock: Clock | None = None, **options: str) -> Any:
    """Returns the adapter of a dialect with its default options, and any credentials."""
    needs = DIALECTS[dialect]
    given = {**dict.fromkeys(needs.credentials, SANDBOX), **needs.options, **options}
    operator = OperatorSettings(dialect, dialect, server_url, options=given)
    return ADAPTERS[dialect](operator, PartnerHttp(server_url, timeout_s=5, connections=4), clock or FakeClock())


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
