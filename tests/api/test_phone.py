"""A person's own phone: added by who registered without one, changed as long as no PIN has proven it."""

import pytest

from core.identity.guesses import PAIR
from tests.answers import Answer
from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem, wrong_fields
from tests.api.test_phone_proof import register
from tests.ussd.kit import Worker

OTHER = "+2250707000002"
PATH, ME = "/v1/auth/phone", "/v1/auth/read_current_user"


def set_phone(who: Caller, msisdn: object) -> tuple[int, str | None]:
    """The status, and the phone that the person then has."""
    answer = change(who, msisdn)
    return answer.status_code, who.get("/v1/auth/read_current_user").json["msisdn"]


def change(who: Caller, msisdn: object, password: str = PASSWORD) -> Answer:
    return who.send("PUT", PATH, {"msisdn": msisdn, "current_password": password})


def prove(house: House, who: Caller) -> None:
    """What choosing a PIN by USSD does."""
    house.core.credentials.set_pin(who.id, "hashed")


def test_a_person_without_a_phone_adds_one_and_tops_up(house: House) -> None:
    awa = house.person("awa")
    assert_problem(awa.post("/v1/wallets/top-up", {"amount": 5}), 422, "no_phone")

    answer = change(awa, "07 07 00 00 01")

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

    assert_problem(change(awa, OTHER), 409, "phone_proven")
    assert set_phone(awa, OTHER) == (409, PHONE)
    # To say it once more changes nothing, and is no error
    assert set_phone(awa, "0707000001") == (200, PHONE)


@pytest.mark.parametrize("msisdn", [None, "", "x", "12", 225, "#237*100#", ["0707000001"]])
def test_a_phone_that_is_none_is_refused(house: House, msisdn: object) -> None:
    awa = house.person("awa")

    assert wrong_fields(awa.send("PUT", PATH, {"msisdn": msisdn})) == {"/msisdn"}
    assert wrong_fields(awa.send("PUT", PATH, {})) == {"/msisdn"}


def test_who_has_only_the_token_does_not_change_the_phone(house: House, worker: Worker) -> None:
    """Or they would name their own, prove it, and reset the password by it."""
    awa = house.person("awa", msisdn=PHONE)
    assert wrong_fields(awa.send("PUT", PATH, {"msisdn": OTHER})) == {"/current_password"}
    for _ in range(PAIR[0]):
        assert_problem(change(awa, OTHER, "guess guess"), 401, "wrong_credentials")
    assert_problem(change(awa, OTHER), 429, "too_many_attempts")
    worker.run()
    assert awa.get(ME).json["msisdn"] == PHONE
    assert (worker.sms(PHONE), worker.sms(OTHER)) == ([], [])


def test_nor_does_an_account_that_has_no_phone_yet_get_one_by_a_token_alone(house: House) -> None:
    awa = house.person("awa")
    assert wrong_fields(awa.send("PUT", PATH, {"msisdn": OTHER})) == {"/current_password"}


def test_a_proven_phone_is_told_that_another_one_took_its_place(house: House, worker: Worker) -> None:
    awa, kofi = house.person("awa", msisdn=PHONE), register(house, "kofi", "+2250707000003")
    assert change(awa, OTHER).status_code == change(kofi, OTHER).status_code == 200
    worker.run()
    [told] = worker.sms(PHONE)
    assert told.startswith("Le téléphone de votre compte a été changé.")
    assert worker.sms("+2250707000003") == []  # only named: it may be a stranger's


def test_a_new_phone_resets_the_password_after_a_day(house: House, worker: Worker) -> None:
    awa = house.person("awa", msisdn=PHONE)
    change(awa, OTHER)
    assert awa.post("/v1/auth/phone/code", {}).status_code == 202
    assert awa.post("/v1/auth/phone/proof", {"code": worker.code(OTHER)}).json["phone_proven"]

    assert reset_asked(house, worker) == 1  # the code of the proof
    house.tick(24 * 3600 - 1)
    assert reset_asked(house, worker) == 1
    house.tick(1)
    assert reset_asked(house, worker) == 2
    new = {"msisdn": OTHER, "code": worker.code(OTHER), "password": "staple the battery"}
    assert house.post(new, path="/v1/auth/password/reset").status_code == 204


def test_a_first_phone_resets_the_password_at_once(house: House, worker: Worker) -> None:
    awa = register(house, "awa", OTHER)
    awa.post("/v1/auth/phone/code", {})
    awa.post("/v1/auth/phone/proof", {"code": worker.code(OTHER)})
    assert reset_asked(house, worker) == 2


def reset_asked(house: House, worker: Worker) -> int:
    """How many SMS the new phone has after somebody asked for a code to reset the password."""
    assert house.post({"msisdn": OTHER}, path="/v1/auth/password/code").status_code == 202
    worker.run()
    return len(worker.sms(OTHER))
