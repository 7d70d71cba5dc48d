"""A person's own phone: added by who registered without one, changed as long as no PIN has proven it."""

import pytest

from core.errors import NameTaken
from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem, wrong_fields
from tests.store.samples import at_once

OTHER = "+2250707000002"
PATH = "/v1/auth/phone"


def set_phone(who: Caller, msisdn: object) -> tuple[int, str | None]:
    """The status, and the phone that the person then has."""
    answer = who.send("PUT", PATH, {"msisdn": msisdn})
    return answer.status_code, who.get("/v1/auth/read_current_user").json["msisdn"]


def prove(house: House, who: Caller) -> None:
    """What choosing a PIN by USSD does."""
    house.core.people.set_pin(who.id, "hashed")


def test_a_person_without_a_phone_adds_one_and_tops_up(house: House) -> None:
    awa = house.person("awa")
    assert_problem(awa.post("/v1/wallets/top-up", {"amount": 5}), 422, "no_phone")

    answer = awa.send("PUT", PATH, {"msisdn": "07 07 00 00 01"})

    assert (answer.status_code, answer.json) == (200, awa.get("/v1/auth/read_current_user").json)
    assert (answer.json["msisdn"], answer.json["id"]) == (PHONE, awa.id)
    assert awa.post("/v1/wallets/top-up", {"amount": 5}).status_code == 202
    assert house.http.post("/v1/auth/token", data={"username": "awa", "password": PASSWORD}).status_code == 200


def test_a_phone_that_nobody_has_proven_may_be_changed(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)

    assert set_phone(awa, OTHER) == (200, OTHER)
    # The former one is free again
    assert set_phone(house.person("kofi"), PHONE) == (200, PHONE)


def test_a_phone_is_one_persons(house: House) -> None:
    house.person("awa", msisdn=PHONE)
    kofi = house.person("kofi", msisdn=OTHER)

    assert_problem(kofi.send("PUT", PATH, {"msisdn": PHONE}), 409, "name_taken")
    assert set_phone(kofi, PHONE) == (409, OTHER)


def test_one_of_many_at_once_gets_a_phone(house: House) -> None:
    persons = [house.person(f"person-{number}") for number in range(6)]

    def take(number: int) -> str | None:
        try:
            return house.core.people.set_phone(persons[number].id, PHONE).msisdn
        except NameTaken as taken:
            return taken.field

    assert sorted(at_once(take, len(persons)), key=str) == [PHONE, *["msisdn"] * 5]


def test_a_phone_that_a_pin_has_proven_stays(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)
    prove(house, awa)

    assert_problem(awa.send("PUT", PATH, {"msisdn": OTHER}), 409, "phone_proven")
    assert set_phone(awa, OTHER) == (409, PHONE)
    # To say it once more changes nothing, and is no error
    assert set_phone(awa, "0707000001") == (200, PHONE)


@pytest.mark.parametrize("msisdn", [None, "", "x", "12", 225, "#237*100#", ["0707000001"]])
def test_a_phone_that_is_none_is_refused(house: House, msisdn: object) -> None:
    awa = house.person("awa")

    assert wrong_fields(awa.send("PUT", PATH, {"msisdn": msisdn})) == {"/msisdn"}
    assert wrong_fields(awa.send("PUT", PATH, {})) == {"/msisdn"}
