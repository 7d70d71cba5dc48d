"""The access log, and the id that an answer and every line about a request carry."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from core.errors import StoreUnavailable
from core.identity.people import Role
from tests.api.kit import PHONE, House, body

OWN = "checkout-7f3a"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines(logs: list[Any]) -> list[dict[str, Any]]:
    return [line for line in logs if line["event"] == "request"]


def test_a_request_is_one_line_that_says_nothing_of_what_was_sent(house: House) -> None:
    with capture_logs() as logs:
        answer = house.list("msisdn=%2B2250707000001&cursor=abc")

    [line] = lines(logs)
    assert line.pop("ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "path": "/amendes/payments",
        "status": answer.status_code,
        "caller": "admin",
        "request": answer.headers["X-Request-Id"],
    }


def test_paths_are_templates_and_callers_are_sorts(house: House) -> None:
    _, till = house.core.api_keys.create("till", frozenset({"payouts:create"}))
    awa = house.person("awa", Role.OPERATOR)
    with capture_logs() as logs:
        house.get(PHONE)
        house.http.get("/nothing/here")
        awa.get("/amendes/payments")
        house.caller(till).get("/v1/payouts")

    assert [(line["path"], line["status"], line["caller"]) for line in lines(logs)] == [
        ("/amendes/payments/<payment_id>", 404, "anonymous"),
        (None, 404, "anonymous"),
        ("/amendes/payments", 200, "operator"),
        ("/v1/payouts", 200, "machine"),
    ]


def test_probes_are_for_debugging(house: House) -> None:
    with capture_logs() as logs:
        for path in ("/healthz", "/readyz", "/metrics"):
            house.http.get(path)

    assert [line["log_level"] for line in lines(logs)] == ["debug"] * 3


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"X-Request-Id": OWN}, OWN),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"X-Request-Id": OWN, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, OWN),
        ({"X-Request-Id": PHONE.lstrip("+")}, None),
        ({"X-Request-Id": "eyJhbGciOi.eyJzdWIi.c2ln"}, None),
        ({"X-Request-Id": "short"}, None),
        ({"X-Request-Id": "x" * 65}, None),
        ({"X-Request-Id": 'a b c d" e=f'}, None),
        ({}, None),
    ],
)
def test_the_callers_own_id_is_taken_over_if_it_is_one(house: House, sent: dict[str, str], taken: str | None) -> None:
    first, second = (house.http.get("/healthz", headers=sent).headers["X-Request-Id"] for _ in range(2))

    assert (first == second == taken) if taken else (first != second and len(first) == 36)


@pytest.mark.parametrize(("error", "status"), [(RuntimeError, 500), (StoreUnavailable, 503)])
def test_an_error_carries_the_id_in_the_answer_and_in_each_line(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(type(house.core), "accept", broken)
    with capture_logs() as logs:
        answer = house.post(body(), {"X-Request-Id": OWN})

    assert (answer.status_code, answer.headers["X-Request-Id"]) == (status, OWN)
    assert {line["event"]: line["request"] for line in logs} == {"request_failed": OWN, "request": OWN}
