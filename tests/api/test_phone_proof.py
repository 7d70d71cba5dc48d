"""Proving that a phone is one's own: by a code from an SMS, and by a dial; and what nobody gets without a proof."""

import pytest

from core.identity.codes import CODES_WITHIN_S, LIFETIME_S, MAX_CODES, MAX_CODES_TO_PHONE, MAX_TRIES
from core.identity.people import People
from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem
from tests.ussd.kit import PIN, Phone, Worker

CODE, PROOF, ME = "/v1/auth/phone/code", "/v1/auth/phone/proof", "/v1/auth/read_current_user"
WRONG = "x"


@pytest.fixture
def mallory(house: House) -> Caller:
    """Who has named a phone that is not theirs."""
    return register(house, "mallory")


def register(house: House, username: str, msisdn: str = PHONE) -> Caller:
    """Registers by HTTP, and signs in."""
    given = {"username": username, "password": PASSWORD, "msisdn": msisdn}
    person = house.post(given, path="/v1/auth").json
    found = house.core.people.get(person["id"])
    token = house.http.post("/v1/auth/token", data={"username": username, "password": PASSWORD}).json["access_token"]
    return Caller(house, token, found)


def code_for(who: Caller, worker: Worker, msisdn: str = PHONE) -> str:
    """Has a code sent, and reads it from the phone."""
    assert who.post(CODE, {}).status_code == 202
    return worker.code(msisdn)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_from_the_phone_proves_it(house: House, worker: Worker) -> None:
    awa, kofi = register(house, "awa"), house.person("kofi", balance=5000)
    assert awa.get(ME).json["phone_proven"] is False
    assert_problem(kofi.post("/v1/wallets/transfers", {"to": PHONE, "amount": 100}), 422, "validation_failed")

    answer = awa.post(PROOF, {"code": code_for(awa, worker)})

    assert (answer.status_code, answer.json["phone_proven"]) == (200, True)
    assert awa.get(ME).json == answer.json
    assert kofi.post("/v1/wallets/transfers", {"to": PHONE, "amount": 100}).json["to"] == "awa"


def test_the_answer_shows_neither_the_code_nor_the_phone(house: House, worker: Worker, mallory: Caller) -> None:
    answer = mallory.post(CODE, {})
    assert answer.json == {"sent_to": "+225*******001", "expires_in": LIFETIME_S}


def test_a_wrong_code_proves_nothing_and_the_right_one_does_it_once(house: House, worker: Worker) -> None:
    awa = register(house, "awa")
    code = code_for(awa, worker)
    assert_problem(awa.post(PROOF, {"code": other_than(code)}), 422, "wrong_code")
    assert awa.post(PROOF, {"code": code}).status_code == 200
    assert_problem(awa.post(PROOF, {"code": code}), 422, "wrong_code")


def test_five_wrong_codes_end_it(house: House, worker: Worker, mallory: Caller) -> None:
    code = code_for(mallory, worker)
    for _ in range(MAX_TRIES):
        assert_problem(mallory.post(PROOF, {"code": other_than(code)}), 422, "wrong_code")
    assert_problem(mallory.post(PROOF, {"code": code}), 429, "too_many_attempts")
    house.tick(LIFETIME_S)
    assert_problem(mallory.post(PROOF, {"code": code}), 422, "wrong_code")


def test_a_code_is_good_for_ten_minutes(house: House, worker: Worker) -> None:
    awa = register(house, "awa")
    code = code_for(awa, worker)
    house.tick(LIFETIME_S)
    assert_problem(awa.post(PROOF, {"code": code}), 422, "wrong_code")
    code = code_for(awa, worker)
    house.tick(LIFETIME_S - 1)
    assert awa.post(PROOF, {"code": code}).status_code == 200


def test_only_the_last_code_is_good(house: House, worker: Worker) -> None:
    awa = register(house, "awa")
    first, second = code_for(awa, worker), code_for(awa, worker)
    if first != second:
        assert_problem(awa.post(PROOF, {"code": first}), 422, "wrong_code")
    assert awa.post(PROOF, {"code": second}).status_code == 200


def test_an_account_has_three_codes_an_hour_sent_to_a_phone(house: House, worker: Worker, mallory: Caller) -> None:
    for _ in range(MAX_CODES):
        assert mallory.post(CODE, {}).status_code == 202
        house.tick(60)
    refused = mallory.post(CODE, {})
    assert_problem(refused, 429, "too_many_attempts")
    assert int(refused.headers["Retry-After"]) == CODES_WITHIN_S - 60 * MAX_CODES + 1
    worker.run()
    assert len(worker.sms(PHONE)) == MAX_CODES

    # I expect the owner of the phone to get theirs all the same, for the phone and for a password
    assert register(house, "awa").post(CODE, {}).status_code == 202
    assert house.post({"msisdn": PHONE}, path="/v1/auth/password/code").status_code == 202


def test_a_phone_gets_ten_codes_an_hour_whoever_asks(house: House, worker: Worker) -> None:
    for number in range(MAX_CODES_TO_PHONE):
        assert register(house, f"mallory-{number}").post(CODE, {}).status_code == 202
    assert_problem(register(house, "mallory-x").post(CODE, {}), 429, "too_many_attempts")
    worker.run()
    assert len(worker.sms(PHONE)) == MAX_CODES_TO_PHONE
    house.tick(CODES_WITHIN_S)
    assert register(house, "mallory-y").post(CODE, {}).status_code == 202


def test_anothers_code_is_no_code(house: House, worker: Worker, mallory: Caller) -> None:
    awa = register(house, "awa")
    code = code_for(awa, worker)
    assert_problem(mallory.post(PROOF, {"code": code}), 422, "wrong_code")


def test_a_code_proves_only_the_phone_that_it_was_sent_to(house: House, worker: Worker, mallory: Caller) -> None:
    mine = "+2250707000009"
    mallory.send("PUT", "/v1/auth/phone", {"msisdn": mine, "current_password": PASSWORD})
    code = code_for(mallory, worker, mine)
    mallory.send("PUT", "/v1/auth/phone", {"msisdn": PHONE, "current_password": PASSWORD})
    assert_problem(mallory.post(PROOF, {"code": code}), 422, "wrong_code")


def test_a_phone_that_somebody_else_has_proven_stays_theirs(house: House, worker: Worker) -> None:
    awa = house.person("awa", msisdn=PHONE)
    mallory = register(house, "mallory")
    code = code_for(mallory, worker)
    assert_problem(mallory.post(PROOF, {"code": code}), 409, "name_taken")
    found = house.core.people.of_phone(PHONE)
    assert found is not None
    assert found.id == awa.id


def test_without_a_phone_there_is_nothing_to_prove(house: House) -> None:
    for path, given in ((CODE, {}), (PROOF, {"code": "123456"})):
        assert_problem(house.person(f"awa{len(path)}").post(path, given), 422, "validation_failed")


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "\u0661" * 6, 123456, None])
def test_what_is_no_code_is_not_counted(house: House, worker: Worker, code: object) -> None:
    awa = register(house, "awa")
    right = code_for(awa, worker)
    for _ in range(MAX_TRIES + 1):
        assert_problem(awa.post(PROOF, {"code": code}), 422, "validation_failed")
    assert awa.post(PROOF, {"code": right}).status_code == 200


def test_codes_are_not_in_the_store(house: House, worker: Worker, mallory: Caller) -> None:
    code = code_for(mallory, worker)
    assert code not in str(house.store.find("attempts", {}))


# What a phone that is only named does not give: each of these once moved money.


def test_money_sent_to_a_phone_does_not_come_to_who_named_it(house: House, mallory: Caller) -> None:
    payer = house.person("payer", balance=5000)
    assert_problem(payer.post("/v1/wallets/transfers", {"to": PHONE, "amount": 1234}), 422, "validation_failed")
    assert mallory.get("/v1/wallets/me").json["balance"] == "0"


def test_who_named_a_phone_is_out_when_its_owner_dials(house: House, worker: Worker, mallory: Caller) -> None:
    victim = Phone(house, PHONE)
    victim.dial()
    shown = victim.type("2")
    assert "mallory" not in shown
    victim.type("1", PIN, PIN)
    worker.fund(victim, 700)

    assert_problem(mallory.get("/v1/wallets/me"), 401, "unauthorized")
    form = {"username": "mallory", "password": PASSWORD}
    assert_problem(house.http.post("/v1/auth/token", data=form), 401, "wrong_credentials")
    assert victim.type("5") == "Balance: 700 XOF"


def test_a_proven_phone_keeps_its_password_when_it_is_dialled(house: House, worker: Worker) -> None:
    awa = register(house, "awa")
    assert awa.post(PROOF, {"code": code_for(awa, worker)}).status_code == 200
    phone = Phone(house, PHONE)
    phone.dial()
    phone.type("2", "1", PIN, PIN)

    assert phone.person.id == awa.id
    assert awa.get("/v1/wallets/me").status_code == 200
    assert house.core.credentials.authenticate("awa", PASSWORD) == phone.person


def test_of_two_who_name_a_phone_the_owner_is_asked_about_the_last(house: House) -> None:
    first, last = register(house, "mallory"), register(house, "awa")
    phone = Phone(house, PHONE)
    phone.dial()
    phone.type("2", "1", PIN, PIN)
    assert phone.person.id == last.id
    assert first.get(ME).json["phone_proven"] is False


def test_a_person_of_an_earlier_release_has_proven_the_phone_by_a_pin_alone(house: House) -> None:
    people: People = house.core.people
    for username, pin, proven in (("awa", "hashed", True), ("kofi", None, False)):
        person = people.register(username, PASSWORD, f"+22507070000{len(username)}0", pin=pin)
        document = house.store.get("people", person.id) or {}
        del document["phone_proven_at"]
        house.store.replace("people", document)
        found = people.get(person.id)
        assert found is not None
        assert (found.phone_proven, people.of_phone(found.msisdn or "") is not None) == (proven, proven)


def test_a_code_needs_no_body(house: House) -> None:
    assert register(house, "awa").send("POST", CODE, None).status_code == 202
