"""Nobody learns which usernames and phones have an account: the answer is the same, or a limit ends the search."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from api.http.aliases import aliases
from core.identity.people import Role
from core.rates import DEFAULT_RATES, Rate
from tests.answers import Answer
from tests.api.kit import PASSWORD, PHONE, House, assert_problem, body, build, move_in
from tests.api.test_sign_in import counted
from tests.doubles import lent_sql
from tests.ussd.kit import PATHS
from tests.ussd.kit import Phone as Handset

NOBODYS = "+2250707000999"
KNOWN, UNKNOWN = {"username": "awa.diallo", "msisdn": PHONE}, {"username": "nobody", "msisdn": NOBODYS}
"""Of an account, with a proven phone, and of none."""
NAMES = {"username", "msisdn", "to", "owner", "mobile", "phonenumber"}
"""Fields that name a person, in small letters."""

SAME: Mapping[str, list[dict[str, Any]]] = {
    "POST /v1/auth": [{"username": "mallory", "password": PASSWORD, "msisdn": "msisdn"}],
    "POST /v1/auth/token": [{"username": "username", "password": "wrong wrong"}],
    "POST /v1/auth/password/code": [{"msisdn": "msisdn"}],
    "POST /v1/auth/password/reset": [
        {"msisdn": "msisdn", "code": "123456", "password": "staple the battery"},
        {"msisdn": "msisdn", "code": "123456", "password": "password"},
        {"msisdn": "msisdn", "code": "123456", "password": "awa.diallo"},
    ],
    "PUT /v1/auth/phone": [{"msisdn": "msisdn", "current_password": PASSWORD}],
    "POST /amendes/payments": [body(msisdn="msisdn")],
    "POST /v1/payouts": [{"msisdn": "msisdn", "amount": 5, "currency": "XOF"}],
    "POST /v1/payers": [{"msisdn": "msisdn"}],
    "POST /v1/fines/lookups": [{"msisdn": "msisdn"}],
}
"""Routes that answer alike, with what is sent: `msisdn` and `username` stand for those of an account, or of none."""
LIMITED = {
    "POST /v1/auth": "registration",
    "POST /v1/wallets/transfers": "recipients",
}
"""Routes that have to tell, with the limit of how often."""
FOR_MACHINES = {"POST /v1/payouts", "POST /v1/payers", "POST /v1/fines/lookups"}
FOR_ROLES = {"POST /v1/merchants", "GET /amendes/payments", "GET /v1/operations"}
"""Those who may call see people, or what they have made, anyway."""
OWN_PHONE = {f"POST {PATHS[gateway].rstrip('/')}" for gateway in ("json", "africastalking", "hubtel", "nalo")} | {
    f"{method} /ussd/infobip/session/{{session}}/{call}"
    for call in ("start", "response", "end")
    for method in ("POST", "PUT")
    if (method, call) != ("PUT", "start")
}
"""A gateway says who dials: it is the caller's own phone. What they type about others is in the last test."""


@pytest.fixture
def house() -> Iterator[House]:
    with lent_sql() as store:
        yield move_in(_with_awa(build(store)))


def _with_awa(house: House) -> House:
    """The house with an account, whose username is long enough to be a password."""
    house.core.people.register("awa.diallo", PASSWORD, PHONE, phone_proven=True)
    return house


def ask(house: House, route: str, content: dict[str, Any], names: Mapping[str, str], token: str = "") -> Answer:
    method, path = route.split()
    sent = {field: names.get(str(value), value) for field, value in content.items()}
    how: dict[str, Any] = {"data": sent} if path.endswith("/token") else {"json": sent}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return house.http.open(path, method=method, headers=headers, **how)


def shape(answer: Answer) -> Any:
    """What an answer tells, apart from ids, times and what was sent: its status, its members, its headers."""
    return answer.status_code, _shape(json.loads(answer.data or "null")), sorted(answer.headers.keys())


def _shape(content: Any, name: str = "") -> Any:
    if isinstance(content, dict):
        return {member: _shape(value, member) for member, value in content.items()}
    if isinstance(content, list):
        return [_shape(value) for value in content]
    return content if name in ("code", "title", "detail", "status", "phone_proven", "event") else type(content)


def test_every_route_that_names_a_person_is_looked_at() -> None:
    spec = json.loads(build().http.get("/openapi.json").data)
    found = set()
    others = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", other) for _, other in aliases(build().app)}
    for path in spec["paths"].keys() - others:
        for method, operation in spec["paths"][path].items():
            if NAMES & {name.lower() for name in _fields(operation, spec["components"]["schemas"])}:
                found.add(f"{method.upper()} {path}")

    assert found == SAME.keys() | LIMITED.keys() | FOR_ROLES | OWN_PHONE


def _fields(operation: Any, schemas: Any) -> Iterator[str]:
    """The names of what is sent in the body and in the query."""
    if not isinstance(operation, dict):
        return
    yield from (each["name"] for each in operation.get("parameters", ()) if each["in"] in ("query", "path"))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for form in content["schema"].get("anyOf", [content["schema"]]):
            yield from schemas[form["$ref"].rpartition("/")[2]]["properties"] if "$ref" in form else ()


@pytest.mark.parametrize("route", SAME)
def test_the_answer_is_the_same_with_an_account_and_without(route: str) -> None:
    for content in SAME[route]:
        told = []
        for names in (KNOWN, UNKNOWN):
            with lent_sql() as store:
                house = move_in(_with_awa(build(store)))
                token = house.person("caller").token if route.startswith("PUT") else ""
                token = house.settings.admin_token if route in FOR_MACHINES else token
                # So often that every lock and every count of a phone shows itself
                told.append([shape(ask(house, route, content, names, token)) for _ in range(8)])
        assert told[0] == told[1], content
        assert {status for status, _, _ in told[0]} - {404, 405, 415}, told


def test_an_unknown_name_costs_as_many_hashes_as_a_wrong_password(house: House) -> None:
    costs = []
    for names in (KNOWN, UNKNOWN):
        hasher = counted(house)
        for content in SAME["POST /v1/auth/token"]:
            ask(house, "POST /v1/auth/token", content, names)
        costs.append((hasher.verified, hasher.hashed))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("names", [KNOWN, UNKNOWN])
def test_who_tries_names_by_registering_is_stopped(names: Mapping[str, str]) -> None:
    with lent_sql() as store:
        house = move_in(_with_awa(build(store, rate_limits={"registration": Rate(5, 60)})))
        for number in range(5):
            content = {"username": "awa.diallo" if number % 2 else f"free{number}", "password": PASSWORD}
            assert ask(house, "POST /v1/auth", content, {}).status_code == (409 if number % 2 else 201)
        last = ask(house, "POST /v1/auth", {"username": "username", "password": PASSWORD}, names)
        assert_problem(last, 429, "too_many_requests")


@pytest.mark.parametrize("by", ["username", "msisdn"])
@pytest.mark.parametrize("names", [KNOWN, UNKNOWN])
def test_who_tries_names_by_sending_money_is_stopped(names: Mapping[str, str], by: str) -> None:
    with lent_sql() as store:
        house = move_in(_with_awa(build(store, rate_limits={"recipients": Rate(5, 60)})))
        sender = house.person("sender", Role.USER, balance=10_000)
        for number in range(5):
            answer = sender.post("/v1/wallets/transfers", {"to": f"+22507070001{number:02d}", "amount": 5})
            assert_problem(answer, 422, "validation_failed")

        last = sender.post("/v1/wallets/transfers", {"to": names[by], "amount": 5})
        assert_problem(last, 429, "too_many_requests")

        # I expect that others go on, and that those who pay people whom they know never see the limit
        other = house.person("other", balance=10_000)
        assert {
            other.post("/v1/wallets/transfers", {"to": "awa.diallo", "amount": n}).status_code for n in range(1, 9)
        } == {202}
        house.tick(60)
        assert sender.post("/v1/wallets/transfers", {"to": "awa.diallo", "amount": 5}).status_code == 202


@pytest.mark.parametrize("names", [KNOWN, UNKNOWN])
def test_who_tries_names_on_a_phone_is_stopped(names: Mapping[str, str]) -> None:
    with lent_sql() as store:
        house = move_in(_with_awa(build(store, rate_limits={"recipients": Rate(5, 60)})))
        handset = Handset(house).register()
        handset.dial()
        handset.type("1")
        for number in range(5):
            assert handset.type(f"+22507070001{number:02d}").startswith("Unknown.")

        assert handset.type(names["msisdn"]).startswith("Too many attempts.")


def test_the_limits_are_there_by_default() -> None:
    assert set(LIMITED.values()) <= DEFAULT_RATES.keys()
