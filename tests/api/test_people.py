"""Registering: what is a name, what is a password, what is taken, and that nobody can read the password again."""

import json
from typing import Any

import pytest

from core.installed import DEFAULT
from tests.answers import Answer, client_of
from tests.api.kit import PASSWORD, PHONE, House, assert_problem, build, wrong_fields
from tests.doubles import CutOff, open_sql
from tests.store.samples import at_once

AUTH = "/v1/auth/"
WIDE = "\uff41\uff57\uff41"
"""Awa, as a Japanese keyboard may write it."""


def register(house: House, username: Any = "awa", password: Any = PASSWORD, **fields: Any) -> Answer:
    return house.post({"username": username, "password": password, **fields}, path=AUTH)


def everything(house: House) -> str:
    """All that the store holds, as text."""
    return json.dumps(
        {name: house.store.find(name, {}, limit=1000) for name in DEFAULT.collections}, ensure_ascii=False
    )


def test_somebody_registers(house: House) -> None:
    answer = register(house, "Awa.K", msisdn="07 07 00 00 01")

    assert answer.status_code == 201
    assert answer.json == {
        "id": answer.json["id"],
        "username": "Awa.K",
        "msisdn": PHONE,
        "phone_proven": False,
        "role": "user",
    }

    # I expect to be found where the answer says
    token = house.app.extensions["tokens"].issue(answer.json["id"])
    assert house.caller(token).get(answer.headers["Location"]).json == answer.json


def test_with_a_person_comes_a_wallet(house: House) -> None:
    id = register(house).json["id"]

    [wallet] = house.store.find("wallets", {})
    assert (wallet["id"], wallet["balance"], wallet["currency"]) == (id, 0, "XOF")


def test_a_phone_is_not_needed(house: House) -> None:
    assert register(house, "awa").json["msisdn"] is None
    assert register(house, "kofi", msisdn=None).status_code == 201
    assert register(house, "ama").status_code == 201


def test_a_registration_cannot_set_the_role(house: House) -> None:
    assert wrong_fields(register(house, role="admin")) == {"/role"}


NAMES = ["abc", "a" * 32, "a-1", "1-a", "_a_", "awa@example.org", "Ñandú", "李小龙", WIDE, "0x0", "\ufb01ona"]
NO_NAMES = [
    "", "ab", "a" * 33, "a b", " awa", "awa ", "awa\n", "aw\0a", "awa!", "a/b", "<awa>", "awa\u200b", "\ud800awa",
    "0707000001", "+2250707000001", "123", "...", "___", "\u0660\u0661\u0662\u0663", "\u2160", "\ufdfa" * 3,
    None, True, 12345, ["awa"], {"$ne": ""},
]  # fmt: skip
PASSWORDS = ["12345670", "x" * 128, "        ", "\0" * 8, "🔑" * 8, "null null"]
NO_PASSWORDS = ["", "1234567", "x" * 129, "🔑" * 7, "\ud800" * 8, None, True, 12345678, ["x"] * 8]
NO_PHONES = ["", "123", "07070000", "+999123456789", "awa", 707000001, PHONE + "\0", "\ud800"]


def test_what_is_a_name_is_taken_as_it_is_written(house: House) -> None:
    for username in NAMES:
        assert register(house, username).json["username"] == username


def test_what_is_no_name_is_refused(house: House) -> None:
    for username in NO_NAMES:
        assert wrong_fields(register(house, username)) == {"/username"}, username
    assert house.store.find("people", {}) == []


def test_any_text_of_eight_characters_is_a_password(house: House) -> None:
    for number, password in enumerate(PASSWORDS):
        assert register(house, f"awa-{number}", password).status_code == 201
        form = {"username": f"awa-{number}", "password": password}
        assert house.http.post(f"{AUTH}token", data=form).status_code == 200


def test_what_is_no_password_is_refused(house: House) -> None:
    for password in NO_PASSWORDS:
        assert wrong_fields(register(house, password=password)) == {"/password"}, password


def test_a_phone_has_to_be_one(house: House) -> None:
    for msisdn in NO_PHONES:
        assert wrong_fields(register(house, msisdn=msisdn)) == {"/msisdn"}, msisdn


def test_all_that_is_wrong_at_once(house: House) -> None:
    answer = house.post({"username": "a b", "msisdn": "x", "wallet": 5}, path=AUTH)

    assert wrong_fields(answer) == {"/username", "/password", "/msisdn", "/wallet"}


@pytest.mark.parametrize(
    ("taken", "again"),
    [
        ("awa", "awa"),
        ("awa", "AWA"),
        ("Awa", "awa"),
        ("awa", WIDE),
        ("straße", "STRASSE"),
        ("élise", "e\u0301lise"),
        ("ÉLISE", "élise"),
        ("\ufb01ona", "FIONA"),
        ("\u212aofi", "kofi"),
    ],
)
def test_a_name_is_taken_however_it_is_spelled(house: House, taken: str, again: str) -> None:
    register(house, taken)

    problem = assert_problem(register(house, again), 409, "name_taken")

    assert "username" in problem["detail"]
    assert [person["shown"] for person in house.store.find("people", {})] == [taken]


def test_names_that_only_look_alike_in_one_script_are_two(house: House) -> None:
    for username in ("elise", "élise", "awa", "awa."):
        assert register(house, username).status_code == 201


@pytest.mark.parametrize(
    "username",
    [
        *(
            "\u0430wa",
            "\u0440\u043e\u043et",
            "\u0430\u0441\u0435",
            "awa\u0436",
        ),  # Cyrillic among Latin, or all of it alike
        *("admin", "Root", "support2", "the.system", "\uff21dmin", "Orange-Money2", "mtn_agent", "WAVE", "operator"),
    ],
)
def test_a_name_that_passes_for_somebody_elses_is_refused(house: House, username: str) -> None:
    assert wrong_fields(register(house, username)) == {"/username"}


@pytest.mark.parametrize(
    "username",
    ["\u0414\u043c\u0438\u0442\u0440\u0438\u0439", "élise2", "\u65e5\u672c\u306e\u82b1", "oranges", "waves", "roots"],
)
def test_names_of_every_script_are_names(house: House, username: str) -> None:
    assert register(house, username).status_code == 201


@pytest.mark.parametrize("password", ["password", "PassWord", "12345678", "qwertyuiop", "kofi.mensah", "KOFI.Mensah"])
def test_what_is_guessed_first_is_no_password(house: House, password: str) -> None:
    assert wrong_fields(register(house, "Kofi.Mensah", password)) == {"/password"}


@pytest.mark.parametrize("again", ["0707000001", "+225 07 07 00 00 01", "00225 0707000001"])
def test_a_phone_that_is_only_said_is_nobodys(house: House, again: str) -> None:
    """Registering tells nobody whose a phone is, and keeps it from nobody."""
    house.person("awa", msisdn=PHONE)

    answer = register(house, "kofi", msisdn=again)

    assert (answer.status_code, answer.json["msisdn"], answer.json["phone_proven"]) == (201, PHONE, False)
    found = house.core.people.of_phone(PHONE)
    assert found is not None
    assert found.username == "awa"


def test_of_many_at_once_one_gets_the_name(house: House) -> None:
    app = house.app

    def one(number: int) -> int:
        return client_of(app).post(AUTH, json={"username": "awa", "password": f"{PASSWORD} {number}"}).status_code

    assert sorted(at_once(one, 8)) == [201] + [409] * 7
    assert len(house.store.find("people", {})) == 1


def test_the_password_is_nowhere_but_as_its_hash(house: House) -> None:
    answer = register(house, msisdn=PHONE)
    house.http.post(f"{AUTH}token", data={"username": "awa", "password": PASSWORD})
    house.http.post(f"{AUTH}token", data={"username": "awa", "password": f"{PASSWORD}!"})

    [person] = house.store.find("people", {})
    assert person["password"].startswith("$argon2id$v=19$")
    assert PASSWORD not in everything(house)
    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text


def test_the_same_password_of_two_people_has_two_hashes(house: House) -> None:
    register(house, "awa")
    register(house, "kofi")

    one, other = house.store.find("people", {})
    assert one["password"] != other["password"]


def test_with_the_store_down_nobody_is_registered() -> None:
    answer = register(build(CutOff(open_sql("sqlite://"), 0)))

    assert_problem(answer, 503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_registration_that_dies_in_between_left_a_person_who_can_sign_in() -> None:
    # Given a store that is gone before the wallet is made
    store = open_sql("sqlite://")
    assert_problem(register(build(CutOff(store, 2))), 503, "store_unavailable")
    assert store.find("wallets", {}) == []

    # If it is up again, I expect to sign in, and to have a wallet
    house = build(store)
    assert_problem(register(house), 409, "name_taken")
    token = house.http.post(f"{AUTH}token", data={"username": "awa", "password": PASSWORD}).json["access_token"]
    assert house.caller(token).balance() == (0, 0)
