"""Limits of requests and of guesses: who is refused, who goes on, and what they are told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from core.identity.people import Role
from core.rates import Rate
from tests.answers import Answer
from tests.api.kit import NO_ID, PASSWORD, TOKEN, URL, House, assert_problem, body, build, move_in
from tests.doubles import FakeClock, lent_sql

RATES = {name: Rate(3, 60) for name in ("registration", "sign_in", "codes", "writes", "events", "reads", "guesses")}
RATES["keys"] = Rate(5, 60)
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


def guess(house: House, times: int = 5) -> list[int]:
    """What somebody gets who tries tokens from here."""
    return [ask(house, "GET", URL, token=f"qtk_guess{number}").status_code for number in range(times)]


def test_who_guesses_is_refused_and_nobody_else_behind_the_address(house: House) -> None:
    # Given somebody who guesses, and behind the same address callers who have not been seen there before
    token = house.person("root", Role.ADMIN).token
    _, key = house.core.api_keys.create("portal", frozenset({"fines:read"}))
    refused = [ask(house, "GET", URL, token=f"qtk_guess{number}") for number in range(5)]
    assert [answer.status_code for answer in refused] == [401, 401, 401, 429, 429]
    assert_problem(refused[-1], 429, "too_many_requests")

    # I expect that a token of ours and a right key are let in: nobody makes those up
    assert ask(house, "GET", URL, token=token).status_code == 200
    assert ask(house, "GET", URL, token=key).status_code == 200
    # and that an ADMIN_TOKEN which is short enough to be guessed is not even looked at
    assert ask(house, "GET", URL, token=TOKEN).status_code == 429
    assert ask(house, "GET", URL, ELSEWHERE, TOKEN).status_code == 200

    passes(house)
    assert ask(house, "GET", URL, token=TOKEN).status_code == 200


def test_a_known_admin_goes_on_and_a_long_token_is_nobodys_guess() -> None:
    for admin_token, seen_before in ((TOKEN, True), ("k" * 32, False)):
        house = build(rate_limits=RATES, admin_token=admin_token)
        if seen_before:
            assert ask(house, "GET", URL, token=admin_token).status_code == 200
        assert guess(house)[-1] == 429
        assert ask(house, "GET", URL, token=admin_token).status_code == 200
        house.store.close()


def test_wrong_keys_save_the_store_work_after_many(house: House) -> None:
    _, known = house.core.api_keys.create("portal", frozenset({"fines:read"}))
    assert ask(house, "GET", URL, token=known).status_code == 200
    tried = [ask(house, "GET", URL, token=f"qtk_{number:043d}").status_code for number in range(7)]
    assert tried == [401] * 5 + [429] * 2

    assert ask(house, "GET", URL, token=known).status_code == 200
    assert ask(house, "GET", URL, token=house.person("root", Role.ADMIN).token).status_code == 200
    # I expect wrong keys to leave the guesses of anything else alone
    assert guess(house, 1) == [401]


def test_a_token_that_has_ended_is_looked_up_only_so_often(house: House) -> None:
    awa = house.person("awa")
    assert awa.post("/v1/auth/logout", {"everywhere": True}).status_code == 204
    tried = [ask(house, "GET", "/v1/wallets/me", token=awa.token).status_code for _ in range(5)]
    assert tried == [401, 401, 401, 429, 429]

    # I expect that it is nobody else's loss, not even the owner's
    found = house.core.people.get(awa.id)
    assert found is not None
    fresh = house.app.extensions["tokens"].issue(awa.id, found.epoch)
    assert ask(house, "GET", "/v1/wallets/me", token=fresh).status_code == 200
    assert guess(house, 1) == [401]


def test_a_wrong_token_on_a_route_for_anyone_is_a_guess_too() -> None:
    """Who sees `reason.by` there has an operator's token."""
    house = build(rate_limits={"guesses": Rate(3, 60)})
    answer = ask(house, "POST", URL, json=body())
    document = house.store.get("operations", answer.json["id"]) or {}
    house.store.replace("operations", {**document, "error": {"code": "fine_being_paid", "by": NO_ID}})
    path = f"{URL}{answer.json['id']}"

    tried = [ask(house, "GET", path, token=f"guess{number}").status_code for number in range(5)]
    assert tried == [200, 200, 200, 429, 429]
    assert "by" not in ask(house, "GET", path).json["reason"]
    assert ask(house, "GET", path, ELSEWHERE, TOKEN).json["reason"]["by"] == NO_ID
    house.store.close()


def sign_in(house: House, name: str, password: str = PASSWORD) -> int:
    return ask(house, "POST", "/v1/auth/token", data={"username": name, "password": password}).status_code


def test_who_has_signed_in_from_an_address_has_a_place_of_their_own_there(house: House) -> None:
    house.person("awa")
    house.person("kofi")
    assert sign_in(house, "awa") == 200
    passes(house)
    assert [sign_in(house, f"nobody{number}", "junk junk") for number in range(4)] == [401, 401, 401, 429]

    assert [sign_in(house, "awa") for _ in range(4)] == [200, 200, 200, 429]
    assert sign_in(house, "kofi") == 429  # never seen here: as any other
    passes(house)
    assert sign_in(house, "kofi") == 200


def test_what_is_no_registration_does_not_count_as_one(house: House) -> None:
    for given in ({}, {"username": "x"}, {"username": "awa", "password": "short"}) * 3:
        assert ask(house, "POST", "/v1/auth", json=given).status_code == 422
    assert register(house, "awa").status_code == 201
    # I expect a name that is taken to count: whoever tries names learns from it
    assert [register(house, "awa").status_code for _ in range(3)] == [409, 409, 429]


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
