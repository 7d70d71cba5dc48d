"""The real means of the check, against real sockets."""

import socket
from datetime import timedelta
from email.utils import format_datetime

import pytest
import requests
from pytest_httpserver import HTTPServer

from core.clock import SystemClock
from core.dialects import DIALECTS
from core.operators import SANDBOX, OperatorSettings
from ops.partner.connection import WRONG, Skew, adapters, is_local, reach, sandbox_record, with_wrong_credentials
from tests.doubles import START, FakeClock
from worker.partners.operators.port import Demand
from worker.partners.port import NotFound

DEMAND = Demand("op-1:debit", "+2250707000011", 100, "XOF")


def dated(text: str) -> requests.Response:
    """An answer with this Date that came after half a second."""
    answer = requests.Response()
    answer.headers["Date"] = text
    answer.elapsed = timedelta(seconds=0.5)
    return answer


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0), (-1, 0), (90, 90), (-400, -398.5)], ids=["same", "rounding", "ahead", "behind"]
)
def test_the_date_of_an_answer_is_compared_with_our_time(seconds: float, expected: float) -> None:
    skew = Skew(FakeClock())
    assert skew.seconds() is None

    skew.hear(dated(format_datetime(START + timedelta(seconds=seconds), usegmt=True)))

    assert skew.seconds() == expected


def test_a_date_without_a_zone_is_in_utc() -> None:
    skew = Skew(FakeClock())

    skew.hear(dated(format_datetime(START.replace(tzinfo=None))))

    assert skew.seconds() == 0


def test_a_date_that_is_none_says_nothing() -> None:
    skew = Skew(FakeClock())

    skew.hear(dated("yesterday"))

    assert skew.seconds() is None


def test_the_date_is_heard_from_a_real_answer(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/requests/op-1:debit").respond_with_data("{}", 404)
    skew = Skew(SystemClock())
    right, wrong = adapters(OperatorSettings("op", "generic", httpserver.url_for("")), SystemClock(), skew)

    assert right.debits.ask is not None
    assert isinstance(right.debits.ask(DEMAND), NotFound)

    assert skew.seconds() == 0
    assert wrong is None


def test_a_host_that_listens_is_reached(httpserver: HTTPServer) -> None:
    reached = reach(httpserver.url_for("/operator"))()

    assert (reached.failed, reached.plain) == (False, False)
    assert reached.seen.startswith("TCP in ")


def test_a_host_that_does_not_listen_is_not_reached() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        reached = reach(f"http://127.0.0.1:{closed.getsockname()[1]}/x")()

    assert reached.failed


def test_a_host_without_tls_is_not_reached_by_https(httpserver: HTTPServer) -> None:
    assert reach(httpserver.url_for("/").replace("http://", "https://"))().failed


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8090/mtn", True),
        ("http://[::1]:8090/mtn", True),
        ("http://localhost/mtn", True),
        ("https://partner.example", False),
        ("http://10.0.0.1/mtn", False),
    ],
)
def test_which_urls_are_of_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.parametrize("dialect", DIALECTS)
def test_wrong_credentials_differ_only_in_secrets(dialect: str) -> None:
    needs = DIALECTS[dialect]
    options = {**needs.options, **dict.fromkeys(needs.credentials, SANDBOX)}

    wrong = with_wrong_credentials(OperatorSettings("op", dialect, "http://x", options=options))

    if dialect == "generic":
        assert wrong is None
        return
    assert wrong is not None
    changed = {key for key, value in wrong.options.items() if value != options[key]}
    assert changed
    assert {wrong.options[key] for key in changed} == {WRONG}
    assert changed <= set(needs.credentials) - {"RETURN_URL", "MSISDN", "SHORTCODE", "PARTNER_NAME"}


def test_a_password_of_the_generic_contract_is_a_secret() -> None:
    options = {"USER": "us", "PASSWORD": "right"}

    wrong = with_wrong_credentials(OperatorSettings("op", "generic", "http://x", options=options))

    assert wrong is not None
    assert wrong.options["PASSWORD"] == WRONG


def test_the_record_of_the_sandbox_is_read_from_now_on(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/_truth", query_string={"since": "9" * 15}).respond_with_json(
        {"debits": [], "cursor": 4}
    )
    later = {"debits": [{"request_id": "d1"}], "cursor": 5}
    httpserver.expect_request("/_truth", query_string={"since": "4"}).respond_with_json(later)

    record = sandbox_record(httpserver.url_for("/mtn"))

    assert record is not None
    assert record() == later


@pytest.mark.parametrize("body", ["{}", "[]", "<html>", '{"cursor": "1", "debits": []}'])
def test_what_is_no_record_of_the_sandbox_is_not_used(httpserver: HTTPServer, body: str) -> None:
    httpserver.expect_request("/_truth").respond_with_data(body)

    assert sandbox_record(httpserver.url_for("/mtn")) is None
