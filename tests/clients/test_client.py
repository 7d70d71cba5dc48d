"""The Python client against a server that loses answers, and against answers that are no use."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from requests.adapters import HTTPAdapter
from werkzeug import Request, Response

from quittance_client import NO_ANSWER, Client, Problem, Retries

PAYMENT = {"id": "01a1", "status": "accepted", "amount": 25000, "amendes": [{"id": "AM-1", "amount": 25000.5}]}
TOKEN = "/v1/auth/token"


@dataclass
class Played:
    """A server that gives these answers in turn, and the client's own time.

    answers: None for one that is lost on its way; a number for a status; or else a body of 200.
    """

    server: HTTPServer
    answers: list[Any] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    now: float = 1000

    def __post_init__(self) -> None:
        self.server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def client(self, **how: Any) -> Client:
        mine: dict[str, Any] = {"clock": lambda: self.now, "sleep": self._sleep, "chance": lambda: 0.5}
        return Client(self.server.url_for("/"), **{**mine, **how})

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def _answer(self, request: Request) -> Response:
        request.get_data()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            lost = Response(json.dumps({**PAYMENT, "id": "lost"}))
            lost.headers["Content-Length"] = "1000"
            return lost
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, int):
            return problem(answer)
        return Response(json.dumps(answer), content_type="application/json")

    def sent_keys(self) -> set[str | None]:
        return {request.headers.get("Idempotency-Key") for request in self.requests}


def problem(status: int, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    body = {"status": status, "code": "try_later", "detail": "Later.", **members}
    return Response(json.dumps(body), status, {**(headers or {})}, content_type="application/problem+json")


@pytest.fixture
def played(httpserver: HTTPServer) -> Iterator[Played]:
    """All answers have to be asked for."""
    played = Played(httpserver)
    yield played
    assert played.answers == []


def pay(client: Client, **how: Any) -> Any:
    return client.fines.pay("+2250707000001", "XOF", {"AM-1": Decimal("25000.50")}, **how)


def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_bytes(played: Played) -> None:
    played.answers = [None, 503, PAYMENT]

    payment = pay(played.client())

    assert payment["id"] == "01a1"
    assert len(played.sent_keys()) == 1
    assert None not in played.sent_keys()
    assert len({request.get_data() for request in played.requests}) == 1
    assert played.waits == [0.75, 1.5]


def test_two_requests_have_two_keys_and_a_key_of_the_caller_is_kept(played: Played) -> None:
    played.answers = [PAYMENT] * 3
    client = played.client()

    pay(client)
    pay(client)
    pay(client, key="order-7")

    assert len(played.sent_keys()) == 3
    assert "order-7" in played.sent_keys()


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_not_shorter_than_retry_after(played: Played, status: int) -> None:
    played.answers = [problem(status, {"Retry-After": "7"}), PAYMENT]

    pay(played.client())

    assert played.waits == [7.5]


@pytest.mark.parametrize(
    ("answers", "code"),
    [([503] * 4, "try_later"), ([None] * 4, NO_ANSWER), ([Response("<html>")] * 4, NO_ANSWER)],
)
def test_a_request_without_an_answer_ends_in_a_problem_with_its_key(
    played: Played, answers: list[Any], code: str
) -> None:
    played.answers = answers

    with pytest.raises(Problem) as raised:
        pay(played.client(retries=Retries(attempts=4)), key="order-7")

    assert (raised.value.code, raised.value.key) == (code, "order-7")
    assert raised.value.may_have_been_accepted


def test_no_attempt_begins_after_the_time_is_up(played: Played) -> None:
    played.answers = [problem(503, {"Retry-After": "20"})] * 3

    with pytest.raises(Problem):
        pay(played.client(retries=Retries(give_up_after_s=50)))

    assert played.now <= 1050


def test_a_refusal_is_not_repeated_and_has_its_code(played: Played) -> None:
    errors = [{"pointer": "/amendes/0/id", "detail": "Listed twice."}]
    played.answers = [problem(422, code="validation_failed", errors=errors)]

    with pytest.raises(Problem, match="validation_failed") as raised:
        pay(played.client())

    assert (raised.value.status, raised.value.errors) == (422, tuple(errors))
    assert not raised.value.may_have_been_accepted
    assert played.waits == []


def test_a_redirect_is_not_followed(played: Played) -> None:
    played.answers = [Response("", 302, {"Location": "/elsewhere"})]

    with pytest.raises(Problem, match="http_302"):
        pay(played.client())


class Broken(HTTPAdapter):
    """Raises these errors of requests, and then sends."""

    def __init__(self, *errors: type[requests.RequestException]) -> None:
        super().__init__()
        self.errors = list(errors)
        self.timeouts: list[tuple[float, float]] = []

    def send(self, *args: Any, **how: Any) -> requests.Response:
        self.timeouts.append(how["timeout"])
        if self.errors:
            raise self.errors.pop(0)
        return super().send(*args, **how)


def test_a_timeout_and_a_refused_connection_are_no_refusals(played: Played) -> None:
    played.answers = [PAYMENT]
    session = requests.Session()
    session.mount("http://", Broken(requests.ConnectTimeout, requests.ReadTimeout, requests.ConnectionError))

    assert pay(played.client(session=session))["status"] == "accepted"
    assert played.waits == [0.75, 1.5, 3]


def test_money_is_decimal_in_and_out(played: Played) -> None:
    played.answers = [PAYMENT]

    payment = pay(played.client())

    sent = played.requests[0].get_json()
    assert (sent["amount"], sent["amendes"]) == ("25000.50", [{"id": "AM-1", "amount": "25000.50"}])
    amounts = [payment["amount"], payment["amendes"][0]["amount"]]
    assert amounts == [Decimal(25000), Decimal("25000.5")]
    assert {type(amount) for amount in amounts} == {Decimal}


def test_a_float_is_no_amount_of_money(played: Played) -> None:
    with pytest.raises(TypeError):
        played.client().payouts.create("+2250707000001", 0.1, "XOF")  # type: ignore[arg-type]


def test_the_data_of_an_event_is_as_it_was_sent(played: Played) -> None:
    played.answers = [{"event_uid": "01a1", "event_data": {"amount": 5}}]
    event = played.client().events.publish(("clinic", "bill", "a/b"), {"amount": 5}, cloud_event={"ce-type": "bill"})
    assert type(event["event_data"]["amount"]) is int
    assert played.requests[0].headers["ce-type"] == "bill"
    assert played.requests[0].environ["REQUEST_URI"] == "/v1/events/clinic/bill/a%2Fb"


def test_the_wait_for_the_end_is_asked_for_and_is_no_timeout(played: Played) -> None:
    played.answers = [PAYMENT]
    session, adapter = requests.Session(), Broken()
    session.mount("http://", adapter)
    pay(played.client(session=session, timeout_s=5), wait_s=20)
    assert played.requests[0].headers["Prefer"] == "wait=20"
    assert adapter.timeouts == [(5, 25)]


def test_a_payment_is_followed_until_it_has_ended(played: Played) -> None:
    played.answers = [PAYMENT, PAYMENT, {**PAYMENT, "status": "succeeded"}]

    assert played.client().fines.follow("01a1", within_s=60)["status"] == "succeeded"

    assert [request.headers["Prefer"] for request in played.requests] == ["wait=30"] * 3
    assert played.waits == [2, 2]


def test_a_payment_that_does_not_end_is_shown_as_it_is(played: Played) -> None:
    played.answers = [PAYMENT] * 3
    assert played.client().fines.follow("01a1", within_s=4)["status"] == "accepted"


LISTS: list[Callable[[Client], Iterator[Any]]] = [
    lambda client: client.fines.list(status="failed"),
    lambda client: client.payouts.list(status="failed"),
    lambda client: client.refunds.list(status="failed"),
    lambda client: client.consultations.list(status="failed"),
    lambda client: client.events.list(("a", "b", "c"), status="failed"),
    lambda client: client.operations.find(status="failed", since=datetime(2026, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize("listing", LISTS)
def test_a_list_is_read_to_its_last_page(played: Played, listing: Callable[[Client], Iterator[Any]]) -> None:
    names = ("payments", "payouts", "refunds", "consultations", "events", "operations")
    pages = [[1, 2], [], [3]]
    cursors = ["one", "two", None]
    played.answers = [
        {**dict.fromkeys(names, page), "next_cursor": cursor} for page, cursor in zip(pages, cursors, strict=True)
    ]

    assert list(listing(played.client())) == [1, 2, 3]

    assert [request.args.get("cursor") for request in played.requests] == [None, "one", "two"]
    assert {request.args["status"] for request in played.requests} == {"failed"}


def test_a_time_without_a_zone_is_refused(played: Played) -> None:
    with pytest.raises(ValueError, match="zone"):
        played.client().operations.find(since=datetime(2026, 1, 1))  # noqa: DTZ001


def token(text: str) -> dict[str, Any]:
    return {"access_token": text, "token_type": "Bearer", "expires_in": 900}


def bearers(played: Played) -> list[str | None]:
    return [request.headers["Authorization"] for request in played.requests if request.path != TOKEN]


def test_a_token_is_renewed_before_it_ends(played: Played) -> None:
    played.answers = [token("one"), PAYMENT, PAYMENT, token("two"), PAYMENT]
    client = played.client(credentials=("client", "secret/+"))

    client.fines.get("01a1")
    played.now += 800
    client.fines.get("01a1")
    played.now += 50
    client.fines.get("01a1")

    assert bearers(played) == ["Bearer one", "Bearer one", "Bearer two"]
    asked = played.requests[0]
    assert asked.get_data() == b"grant_type=client_credentials"
    assert asked.authorization is not None
    assert (asked.authorization.username, asked.authorization.password) == ("client", "secret%2F%2B")


def test_a_token_that_is_refused_is_renewed_once(played: Played) -> None:
    played.answers = [token("one"), 401, token("two"), PAYMENT, 401, token("three"), 401]
    client = played.client(credentials=("client", "secret"))

    client.fines.get("01a1")
    with pytest.raises(Problem):
        client.fines.get("01a1")

    assert bearers(played) == ["Bearer one", "Bearer two", "Bearer two", "Bearer three"]


def test_an_api_key_is_sent_as_it_is(played: Played, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a netrc file that names the host
    (tmp_path / "netrc").write_text("machine localhost login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    played.answers = [PAYMENT, PAYMENT, problem(401, code="unauthenticated")]

    played.client(token="key").fines.get("01a1")
    played.client().fines.get("01a1")
    with pytest.raises(Problem, match="unauthenticated"):
        played.client(token="key").fines.get("01a1")

    assert [request.headers.get("Authorization") for request in played.requests] == ["Bearer key", None, "Bearer key"]


def test_a_client_has_credentials_or_a_token() -> None:
    with pytest.raises(ValueError, match="not both"):
        Client("http://127.0.0.1", credentials=("a", "b"), token="c")
