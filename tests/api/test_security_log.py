"""The security log: what is in it, and what never is."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.security import ACTS
from core.identity.people import Role
from core.security_log import SecurityLog
from core.store.port import SECURITY_LOG
from tests.api.kit import NO_ID, PASSWORD, PHONE, TOKEN, House
from tests.doubles import CutOff, FakeClock


def entries(house: House, *members: str) -> list[Any]:
    """The newest first: these members of each, or the one."""
    found = house.core.security_log.newest(100)
    return [tuple(entry[name] for name in members) if len(members) > 1 else entry[members[0]] for entry in found]


def sign_in(house: House, username: str, password: str, address: str = "10.0.0.9") -> None:
    form = {"username": username, "password": password}
    house.http.post("/v1/auth/token", data=form, environ_base={"REMOTE_ADDR": address})


def test_sign_ins_are_noted_with_who_from_where_and_how_they_ended(house: House) -> None:
    awa = house.person("awa")
    sign_in(house, "awa", PASSWORD)
    sign_in(house, "awa", "wrong wrong")
    with capture_logs() as lines:
        sign_in(house, "hunter2secret", "hunter2secret")
    assert [line["who"] for line in lines if line["event"] == "security"] == ["anonymous"]  # logged, and not stored
    assert entries(house, "what", "who", "where", "on", "outcome") == [
        ("sign-in", awa.id, "10.0.0.9", "POST /v1/auth/token", "wrong_credentials"),
        ("sign-in", awa.id, "10.0.0.9", "POST /v1/auth/token", "done"),
    ]


def test_a_lock_is_noted(house: House) -> None:
    house.person("awa")
    for _ in range(6):
        sign_in(house, "awa", "wrong wrong")
    assert entries(house, "outcome") == ["too_many_attempts", *["wrong_credentials"] * 5]


def test_refusals_of_known_callers_are_kept(house: House) -> None:
    awa = house.person("awa")
    awa.get("/amendes/payments")
    assert entries(house, "what", "who", "on", "outcome") == [
        ("refusal", awa.id, "GET /amendes/payments", "forbidden"),
    ]


@pytest.mark.parametrize("said", ["", "Basic eDp5", "Bearer forged"])
def test_who_is_not_known_fills_no_store(house: House, said: str) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            house.http.get("/v1/wallets/me", headers={"Authorization": said} if said else {})
    told = [line for line in lines if line["event"] == "security"]
    assert [(line["what"], line["outcome"]) for line in told] == [("refusal", "unauthorized")] * 3
    assert entries(house, "what") == []


def test_what_a_role_changes_is_noted_and_what_it_reads_is_not(house: House) -> None:
    root = house.person("root", Role.ADMIN)
    root.get("/amendes/payments")
    root.post("/v1/services/create", {"name": "Permit", "price": 100})
    root.get("/v1/wallets/me")
    assert entries(house, "what", "who", "on", "outcome") == [
        ("act of a role", root.id, "POST /v1/services/create", "done")
    ]


@pytest.mark.parametrize(
    ("named", "shown"),
    [(None, ""), ("Awa K.", " for Awa K."), ("x" * 100, f" for {'x' * 64}"), ("a\u202eb", " for ab")],
)
def test_acts_of_the_admin_token_carry_the_name_that_is_given(house: House, named: str | None, shown: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", **({"X-Acting-For": named.encode()} if named else {})}
    path = f"/v1/payouts/{NO_ID}/approve"
    house.http.post(path, json={}, headers=headers)
    [who] = entries(house, "who")
    assert who.startswith("admin-token")
    assert who == f"admin-token{shown}" or "\u202e" not in who


def test_the_request_is_named_as_its_caller_named_it(house: House) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    awa = house.person("awa")
    awa.get("/amendes/payments", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    awa.get("/amendes/payments")
    own, given = entries(house, "request")
    assert given == trace
    assert len(own) == 36


def test_a_path_neither_begins_a_line_nor_commands_a_terminal(house: House) -> None:
    house.person("awa").get("/v1/operations/%1b%5d0;pwned%07%0aFAKE")
    assert entries(house, "on") == ["GET /v1/operations/?]0;pwned??FAKE"]


def test_neither_secrets_nor_phones_are_in_it(house: House) -> None:
    with capture_logs() as lines:
        awa = house.person("awa", msisdn=PHONE)
        house.post({"username": "kofi", "password": PASSWORD, "msisdn": PHONE}, path="/v1/auth")
        sign_in(house, "awa", PASSWORD)
        sign_in(house, PASSWORD, PASSWORD)
        awa.post("/v1/auth/phone/code", {})
        awa.post("/v1/auth/phone/proof", {"code": "123456"})
        awa.post("/v1/auth/password", {"current_password": PASSWORD, "password": "staple the battery"})
        house.post({"msisdn": PHONE}, path="/v1/auth/password/code")
        house.caller("forged token").get("/v1/wallets/me")
    written = json.dumps([lines, house.store.find(SECURITY_LOG, {})])
    assert [line["event"] for line in lines].count("security") == 8
    for secret in (PASSWORD, "staple", "123456", PHONE, PHONE[4:], awa.token, "forged token"):
        assert secret not in written


def test_every_act_is_one_of_an_endpoint_that_is_there(house: House) -> None:
    assert set(ACTS) <= {rule.endpoint for rule in house.app.url_map.iter_rules()}


def test_a_store_that_is_away_loses_no_line(house: House) -> None:
    away: Any = CutOff(house.store, 0)
    with capture_logs() as lines:
        SecurityLog(away, FakeClock()).note("sign-in", who="awa", where="10.0.0.9")
    assert [line["event"] for line in lines] == ["security", "security_entry_not_stored"]


def test_the_newest_entries_are_found_by_what_they_say(house: House) -> None:
    noted = SecurityLog(house.store, FakeClock())
    for number in range(1200):
        noted.note("sign-in" if number % 400 == 7 else "refusal", who=f"who-{number}", where="10.0.0.1")
    assert [entry["who"] for entry in noted.newest(2, what="sign-in")] == ["who-807", "who-407"]
    assert [entry["who"] for entry in noted.newest(5, what="sign-in", outcome=None)] == ["who-807", "who-407", "who-7"]
    assert list(noted.newest(5, who="nobody")) == []
