"""Passwords, PINs and tokens have a life: they are changed, reset and ended."""

from typing import Any

import pytest

from core.identity.codes import MAX_CODES, Codes
from core.identity.people import Role
from core.secrets import signing_secrets
from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem, wrong_fields
from tests.api.test_phone_proof import other_than
from tests.api.test_second_factor import code as totp
from tests.api.test_second_factor import enrol
from tests.ussd.kit import PIN, Phone, Worker, pins

NEW = "staple the battery"
CODE, RESET, CHANGE, LOGOUT = (f"/v1/auth/{path}" for path in ("password/code", "password/reset", "password", "logout"))
ME = "/v1/auth/read_current_user"


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("awa", msisdn=PHONE)


def sign_in(house: House, password: str = PASSWORD, username: str = "awa") -> int:
    return house.http.post("/v1/auth/token", data={"username": username, "password": password}).status_code


def another(house: House, who: Caller) -> Caller:
    """The same person, with another token."""
    assert who.person is not None
    answer = house.http.post("/v1/auth/token", data={"username": who.person.username, "password": PASSWORD})
    return Caller(house, answer.json["access_token"], who.person)


def test_a_changed_password_ends_all_tokens(house: House, awa: Caller) -> None:
    other = another(house, awa)
    assert awa.post(CHANGE, {"current_password": PASSWORD, "password": NEW}).status_code == 204
    for caller in (awa, other):
        assert_problem(caller.get(ME), 401, "unauthorized")
    assert (sign_in(house), sign_in(house, NEW)) == (401, 200)


def test_who_has_only_the_token_does_not_change_the_password(house: House, awa: Caller) -> None:
    for _ in range(5):
        assert_problem(awa.post(CHANGE, {"current_password": "guess guess", "password": NEW}), 401, "wrong_credentials")
    assert_problem(awa.post(CHANGE, {"current_password": PASSWORD, "password": NEW}), 429, "too_many_attempts")


@pytest.mark.parametrize("weak", ["password", "short", "awa", "x" * 129])
def test_a_new_password_is_as_strong_as_a_first_one(house: House, awa: Caller, weak: str) -> None:
    assert wrong_fields(awa.post(CHANGE, {"current_password": PASSWORD, "password": weak})) == {"/password"}
    assert sign_in(house) == 200


def codes_of(house: House) -> Codes:
    """The codes for a new password."""
    return Codes(house.store, house.clock, signing_secrets(house.settings)[0], "password")


def code_of(house: House, worker: Worker) -> str:
    assert house.post({"msisdn": PHONE}, path=CODE).status_code == 202
    return worker.code(PHONE)


def test_a_forgotten_password_is_reset_by_the_proven_phone(house: House, worker: Worker, awa: Caller) -> None:
    code = code_of(house, worker)
    wrong = {"msisdn": PHONE, "code": other_than(code), "password": NEW}
    assert_problem(house.post(wrong, path=RESET), 422, "wrong_code")
    assert house.post({**wrong, "code": code}, path=RESET).status_code == 204
    assert_problem(awa.get(ME), 401, "unauthorized")
    assert (sign_in(house), sign_in(house, NEW)) == (401, 200)
    assert_problem(house.post({**wrong, "code": code}, path=RESET), 422, "wrong_code")


def test_a_username_is_no_new_password(house: House, worker: Worker) -> None:
    house.person("awa.diallo", msisdn=PHONE)
    reset = {"msisdn": PHONE, "code": code_of(house, worker), "password": "awa.diallo"}
    assert wrong_fields(house.post(reset, path=RESET)) == {"/password"}
    assert (sign_in(house, username="awa.diallo"), sign_in(house, "awa.diallo", "awa.diallo")) == (200, 401)
    assert_problem(house.post({**reset, "password": NEW}, path=RESET), 422, "wrong_code")


def test_a_phone_that_is_only_named_resets_nothing(house: House, worker: Worker) -> None:
    house.post({"username": "mallory", "password": PASSWORD, "msisdn": PHONE}, path="/v1/auth")
    assert house.post({"msisdn": PHONE}, path=CODE).status_code == 202
    worker.run()
    assert worker.sms(PHONE) == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_a_phone_gives_no_role_away(house: House, worker: Worker, role: Role) -> None:
    root = house.person("root", role, PHONE)
    answer = house.post({"msisdn": PHONE}, path=CODE)
    assert (answer.status_code, answer.json) == (202, {"expires_in": 600})
    worker.run()
    assert worker.sms(PHONE) == []

    # Given a code that was sent before the person had the role
    code = codes_of(house).new(PHONE, "", "10.0.0.9")
    assert_problem(house.post({"msisdn": PHONE, "code": code, "password": NEW}, path=RESET), 422, "wrong_code")
    assert root.get(ME).status_code == 200


def test_who_has_a_role_and_a_second_factor_resets_the_password(house: House, worker: Worker) -> None:
    root = house.person("root", Role.ADMIN, PHONE)
    secret, _ = enrol(house, root)
    reset = {"msisdn": PHONE, "code": code_of(house, worker), "password": NEW}
    assert house.post(reset, path=RESET).status_code == 204
    assert sign_in(house, NEW, "root") == 401  # without a code of the device
    form = {"username": "root", "password": NEW, "otp": totp(house, secret)}
    assert house.http.post("/v1/auth/token", data=form).status_code == 200


def test_asking_for_a_code_tells_nobody_whether_a_phone_is_known(house: House, worker: Worker, awa: Caller) -> None:
    house.suspend(house.person("kofi", msisdn="+2250707000002"))
    phones = (PHONE, "+2250707000002", "+2250707000003")
    for _ in range(MAX_CODES):
        answers = [house.post({"msisdn": phone}, path=CODE) for phone in phones]
        assert {(answer.status_code, answer.data) for answer in answers} == {(202, b'{"expires_in":600}\n')}
    for phone in phones:
        assert_problem(house.post({"msisdn": phone}, path=CODE), 429, "too_many_attempts")
    worker.run()
    assert [len(worker.sms(phone)) for phone in phones] == [MAX_CODES, 0, 0]


def test_a_code_for_the_phone_is_none_for_the_password(house: House, worker: Worker) -> None:
    mallory = house.person("mallory", msisdn=PHONE)
    mallory.post("/v1/auth/phone/code", {})
    code = worker.code(PHONE)
    assert_problem(house.post({"msisdn": PHONE, "code": code, "password": NEW}, path=RESET), 422, "wrong_code")


def test_signing_out_ends_this_token_and_no_other(house: House, awa: Caller) -> None:
    other = another(house, awa)
    assert awa.post(LOGOUT, {}).status_code == 204
    assert_problem(awa.get(ME), 401, "unauthorized")
    assert other.get(ME).status_code == 200
    assert another(house, awa).get(ME).status_code == 200


def test_signing_out_everywhere_ends_them_all(house: House, awa: Caller) -> None:
    other = another(house, awa)
    assert awa.post(LOGOUT, {"everywhere": True}).status_code == 204
    for caller in (awa, other):
        assert_problem(caller.get(ME), 401, "unauthorized")
    assert another(house, awa).get(ME).status_code == 200


@pytest.mark.parametrize("value", [0, 1, "false", None])
def test_signing_out_everywhere_is_true_or_false(awa: Caller, value: Any) -> None:
    assert wrong_fields(awa.post(LOGOUT, {"everywhere": value})) == {"/everywhere"}
    assert awa.get(ME).status_code == 200


def test_ended_tokens_are_remembered_only_while_they_would_be_good(house: House, awa: Caller) -> None:
    for _ in range(3):
        another(house, awa).post(LOGOUT, {})
        house.tick(1800)
    assert len((house.store.get("people", awa.id) or {})["ended_tokens"]) <= 2


def test_a_token_of_an_earlier_release_is_good(house: House, awa: Caller) -> None:
    found = house.core.people.get(awa.id)
    assert found is not None
    assert (found.epoch, found.ended_tokens) == (0, frozenset())


def test_a_pin_is_changed_by_who_knows_it(house: House) -> None:
    phone = Phone(house, PHONE).register()
    token = house.app.extensions["tokens"].issue(phone.person.id)
    me = house.caller(token)

    assert_problem(me.send("PUT", "/v1/auth/pin", {"current_pin": "8352", "pin": "4791"}), 422, "wrong_pin")
    for weak in ("1234", "12", "0707", "abcd"):
        assert wrong_fields(me.send("PUT", "/v1/auth/pin", {"current_pin": PIN, "pin": weak})) == {"/pin"}
    assert me.send("PUT", "/v1/auth/pin", {"current_pin": PIN, "pin": "8352"}).status_code == 204
    assert pins(house).verify(phone.person.id, "8352")
    for _ in range(3):
        me.send("PUT", "/v1/auth/pin", {"current_pin": "9741", "pin": "4791"})
    assert_problem(me.send("PUT", "/v1/auth/pin", {"current_pin": "8352", "pin": "4791"}), 429, "too_many_attempts")


def test_a_thief_of_a_token_does_not_lock_the_pin_of_the_phone(house: House, worker: Worker) -> None:
    phone = Phone(house, PHONE).register()
    thief = house.caller(house.app.extensions["tokens"].issue(phone.person.id))
    guess = {"current_pin": "9741", "pin": "4791"}
    for _ in range(3):
        assert_problem(thief.send("PUT", "/v1/auth/pin", guess), 422, "wrong_pin")
    assert_problem(thief.send("PUT", "/v1/auth/pin", guess), 429, "too_many_attempts")
    worker.run()
    [told] = worker.sms(PHONE)
    assert told.startswith("3 wrong PINs for your account came over the internet.")

    # I expect the owner to pay by phone all the same, and the thief to stay locked out
    assert pins(house).verify(phone.person.id, PIN)
    assert_problem(thief.send("PUT", "/v1/auth/pin", guess), 429, "too_many_attempts")
    pins(house).unlock(phone.person.id)
    assert thief.send("PUT", "/v1/auth/pin", {**guess, "current_pin": PIN}).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "given", "field"),
    [
        ("POST", CHANGE, {"password": NEW}, "current_password"),
        ("PUT", "/v1/auth/pin", {"pin": "8352"}, "current_pin"),
        ("POST", "/v1/auth/factor/confirm", {}, "code"),
        ("DELETE", "/v1/auth/factor", {}, "code"),
    ],
)
def test_half_a_character_is_refused(
    house: House, awa: Caller, method: str, path: str, given: dict[str, str], field: str
) -> None:
    awa.post("/v1/auth/factor", {"current_password": PASSWORD})
    assert wrong_fields(awa.send(method, path, {**given, field: "\ud800" * 6})) == {f"/{field}"}


def test_who_has_no_pin_yet_chooses_it_on_the_phone(house: House, awa: Caller) -> None:
    assert wrong_fields(awa.send("PUT", "/v1/auth/pin", {"current_pin": PIN, "pin": "8352"})) == {"/pin"}
