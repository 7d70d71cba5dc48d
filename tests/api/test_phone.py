"""A person's own phone: added by who registered without one, changed as long as no PIN has proven it."""

import pytest

from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem, wrong_fields

OTHER = "+2250707000002"
PATH = "/v1/auth/phone"


def set_phone(who: Caller, msisdn: object) -> tuple[int, str | None]:
    """The status, and the phone that the person then has."""
    answer = who.send("PUT", PATH, {"msisdn": msisdn})
    return answer.status_code, who.get("/v1/auth/read_current_user").json["msisdn"]


def prove(house: House, who: Caller) -> None:
    """What choosing a PIN by USSD does."""
    house.core.credentials.set_pin(who.id, "hashed")


def test_a_person_without_a_phone_adds_one_and_tops_up(house: House) -> None:
    awa = house.person("awa")
    assert_problem(awa.post("/v1/wallets/top-up", {"amount": 5}), 422, "no_phone")

    answer = awa.send("PUT", PATH, {"msisdn": "07 07 00 00 01"})

    assert (answer.status_code, answer.json) == (200, awa.get("/v1/auth/read_current_user").json)
    assert (answer.json["msisdn"], answer.json["id"]) == (PHONE, awa.id)
    assert awa.post("/v1/wallets/top-up", {"amount": 5}).status_code == 202
    assert house.http.post("/v1/auth/token", data={"username": "awa", "password": PASSWORD}).status_code == 200


def test_a_phone_that_no_pin_has_proven_may_be_changed(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)

    assert set_phone(awa, OTHER) == (200, OTHER)
    assert not awa.get("/v1/auth/read_current_user").json["phone_proven"]
    assert house.core.people.of_phone(PHONE) is None


def test_naming_a_phone_neither_takes_it_nor_tells_whose_it_is(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)
    kofi = house.person("kofi", balance=5000)
    ama = house.person("ama")

    assert set_phone(ama, PHONE) == (200, PHONE)
    sent = kofi.post("/v1/wallets/transfers", {"to": PHONE, "amount": 1234})
    assert sent.json["to"] == "awa"
    found = house.core.people.of_phone(PHONE)
    assert found is not None
    assert found.id == awa.id


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
