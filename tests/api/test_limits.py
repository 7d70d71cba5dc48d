"""Limits of requests and of guesses: who is refused, who goes on, and what they are told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from core.identity.people import Role
from core.rates import Rate
from tests.answers import Answer
from tests.api.kit import PASSWORD, TOKEN, URL, House, assert_problem, body, build, move_in
from tests.doubles import FakeClock, lent_sql

RATES = {name: Rate(3, 60) for name in ("registration", "sign_in", "codes", "writes", "events", "reads", "guesses")}
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def house() -> Iterator[House]:
    with lent_sql() as store:
        yield move_in(build(store, rate_limits=RATES, ussd_key="k" * 32))


def ask(house: House, method: str, path: str, address: str = HERE, token: str = "", **how: Any) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return house.http.open(path, method=method, headers=headers, environ_overrides={"REMOTE_ADDR": address}, **how)


def register(house: House, name: str, address: str = HERE) -> Answer:
    return ask(house, "POST", "/v1/auth", address, json={"username": name, "password": PASSWORD})


def passes(house: House) -> None:
    clock = house.clock
    assert isinstance(clock, FakeClock)
    clock.tick(60)


def test_registrations_of_an_address_are_limited(house: House) -> None:
    answers = [register(house, f"person{number}") for number in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert_problem(answers[-1], 429, "too_many_requests")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60

    # I expect that others go on, and that the time passes
    assert register(house, "neighbour", ELSEWHERE).status_code == 201
    passes(house)
    assert register(house, "person4").status_code == 201


def test_callers_are_told_what_is_left(house: House) -> None:
    answers = [ask(house, "POST", URL, json=body()) for _ in range(4)]

    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"writes";q=3;w=60'}
    found = [re.fullmatch(r'"writes";r=(\d);t=(\d+)', answer.headers["RateLimit"]) for answer in answers]
    assert [match and match[1] for match in found] == ["2", "1", "0", "0"]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/v1/auth/token", {"data": {"username": "nobody", "password": "x"}}),
        ("POST", "/v1/auth/password/code", {"json": {"msisdn": "+2250707000001"}}),
        ("POST", "/api/event/a/b/c", {"json": {"n": 1}, "token": TOKEN}),
        ("GET", "/v1/services/list", {}),
        ("GET", f"{URL}01a1fb37-7851-74c6-b28a-58f4b87a2511", {}),
    ],
)
def test_everything_that_costs_is_limited(house: House, method: str, path: str, sent: dict[str, Any]) -> None:
    statuses = [ask(house, method, path, **sent).status_code for _ in range(4)]

    assert 429 not in statuses[:3]
    assert statuses[3] == 429


def test_people_behind_one_address_do_not_share_a_limit(house: House) -> None:
    awa, binta = (house.person(name).token for name in ("awa", "binta"))

    assert [ask(house, "GET", "/v1/wallets/me", token=awa).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert ask(house, "GET", "/v1/wallets/me", ELSEWHERE, awa).status_code == 429
    assert ask(house, "GET", "/v1/wallets/me", token=binta).status_code == 200


def test_nobody_guesses_tokens_and_known_callers_go_on(house: House) -> None:
    # Given somebody who is signed in, and somebody who guesses behind the same address
    known, unknown = house.person("awa").token, house.person("root", Role.ADMIN).token
    assert ask(house, "GET", "/v1/wallets/me", token=known).status_code == 200
    guesses = [ask(house, "GET", URL, token=f"qtk_guess{number}") for number in range(5)]
    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429, 429]
    assert_problem(guesses[-1], 429, "too_many_requests")

    # I expect that a right guess is not looked at either, and that the known caller goes on
    assert ask(house, "GET", URL, token=unknown).status_code == 429
    assert ask(house, "GET", "/v1/wallets/me", token=known).status_code == 200
    assert ask(house, "GET", URL, ELSEWHERE, unknown).status_code == 200

    passes(house)
    assert ask(house, "GET", URL, token=unknown).status_code == 200


def test_a_known_caller_is_known_to_other_processes(house: House) -> None:
    # Given a token that one process has seen, and another process on the same counters
    token = house.person("awa").token
    assert ask(house, "GET", "/v1/wallets/me", token=token).status_code == 200
    house.app.extensions["limits"]._known.clear()
    for number in range(4):
        ask(house, "GET", URL, token=f"qtk_guess{number}")

    assert ask(house, "GET", "/v1/wallets/me", token=token).status_code == 200


def test_a_request_without_a_token_is_no_guess(house: House) -> None:
    assert {ask(house, "GET", URL).status_code for _ in range(6)} == {401}


def test_nobody_guesses_the_key_of_a_gateway(house: House) -> None:
    dial = {"sessionid": "1", "msisdn": "+2250707000001", "message": ""}

    def call(key: str, address: str) -> int:
        sent = {"headers": {"X-Gateway-Key": key}, "environ_overrides": {"REMOTE_ADDR": address}}
        return house.http.post("/ussd/", json=dial, **sent).status_code

    # Given a gateway, and somebody elsewhere who guesses
    assert {call("k" * 32, ELSEWHERE) for _ in range(6)} == {200}
    assert [call(f"guess {number}", HERE) for number in range(4)] == [401, 401, 401, 429]
    assert call("k" * 32, HERE) == 429

    assert call("k" * 32, ELSEWHERE) == 200


def test_customers_of_ipv6_have_half_of_the_address(house: House) -> None:
    statuses = [register(house, f"person{n}", f"2001:db8:0:1::{n}").status_code for n in range(4)]

    assert statuses == [201, 201, 201, 429]
    assert register(house, "neighbour", "2001:db8:0:2::1").status_code == 201


def test_pages_and_health_are_not_limited(house: House) -> None:
    for path in ("/healthz", "/docs/", "/openapi.json"):
        assert {ask(house, "GET", path).status_code for _ in range(6)} == {200}


def test_a_flood_of_guesses_does_not_fill_the_security_log(house: House) -> None:
    for number in range(20):
        ask(house, "GET", URL, token=f"qtk_guess{number}")

    outcomes = [entry["outcome"] for entry in house.core.security_log.newest(100)]
    assert outcomes == []  # each is a line of the log
