"""The second factor: what it takes to have one, to sign in with it, and to do without it."""

import pyotp
import pytest

from core.identity.guesses import CODES, PAIR
from core.identity.people import Role
from core.identity.second_factor import RECOVERY_CODES
from tests.answers import Answer
from tests.api.kit import PASSWORD, Caller, House, assert_problem, build, wrong_fields
from tests.ussd.kit import PIN, Phone

FACTOR, CONFIRM, ME = "/v1/auth/factor", "/v1/auth/factor/confirm", "/v1/auth/read_current_user"
AGAIN = {"current_password": PASSWORD}
"""What it takes to begin, besides the token."""


def code(house: House, secret: str, steps: int = 0) -> str:
    """What the device shows so many steps of 30 s from now."""
    return pyotp.TOTP(secret).at(house.clock.now(), counter_offset=steps)


def sign_in(house: House, otp: str | None = None, username: str = "root") -> Answer:
    form = {"username": username, "password": PASSWORD, **({} if otp is None else {"otp": otp})}
    return house.http.post("/v1/auth/token", data=form)


def enrol(house: House, who: Caller) -> tuple[str, list[str]]:
    """The secret of the device, and the recovery codes."""
    secret = who.post(FACTOR, AGAIN).json["secret"]
    codes = who.post(CONFIRM, {"code": code(house, secret)}).json["recovery_codes"]
    house.tick(30)
    return secret, codes


@pytest.fixture
def root(house: House) -> Caller:
    return house.person("root", Role.ADMIN)


def test_who_has_a_second_factor_signs_in_with_it_only(house: House, root: Caller) -> None:
    secret, codes = enrol(house, root)
    assert len(set(codes)) == RECOVERY_CODES
    assert_problem(sign_in(house), 401, "wrong_factor")
    assert_problem(sign_in(house, ""), 401, "wrong_factor")
    assert sign_in(house, code(house, secret)).status_code == 200


def test_a_secret_counts_when_it_is_confirmed(house: House, root: Caller) -> None:
    answer = root.post(FACTOR, AGAIN)
    assert answer.status_code == 201
    assert answer.json["uri"] == f"otpauth://totp/Quittance:root?secret={answer.json['secret']}&issuer=Quittance"
    assert_problem(root.post(CONFIRM, {"code": "000000"}), 422, "wrong_code")
    assert sign_in(house).status_code == 200
    again = root.post(FACTOR, AGAIN).json["secret"]
    assert again != answer.json["secret"]
    assert_problem(root.post(CONFIRM, {"code": code(house, answer.json["secret"])}), 422, "wrong_code")
    assert root.post(CONFIRM, {"code": code(house, again)}).status_code == 200
    assert_problem(root.post(FACTOR, AGAIN), 409, "second_factor_known")


def test_who_has_only_the_token_does_not_begin(house: House, root: Caller) -> None:
    """Or they would keep out the owner by a factor of their own."""
    assert wrong_fields(root.post(FACTOR, {})) == {"/current_password"}
    for _ in range(PAIR[0]):
        assert_problem(root.post(FACTOR, {"current_password": "guess guess"}), 401, "wrong_credentials")
    assert_problem(root.post(FACTOR, AGAIN), 429, "too_many_attempts")
    assert_problem(root.post(CONFIRM, {"code": "000000"}), 422, "wrong_code")


def test_who_has_no_password_begins_by_the_pin(house: House) -> None:
    me = dialled(house, "+2250707000301")
    assert wrong_fields(me.post(FACTOR, {})) == {"/current_pin"}
    assert_problem(me.post(FACTOR, {"current_pin": "9741"}), 422, "wrong_pin")
    assert me.post(FACTOR, {"current_pin": PIN}).status_code == 201


def test_wrong_codes_count_for_one_person_and_are_no_wrong_passwords(house: House, root: Caller) -> None:
    """People without a username share what is shown of their phones."""
    one, other = dialled(house, "+2250707001301"), dialled(house, "+2250707002301")
    secrets = [who.post(FACTOR, {"current_pin": PIN}).json["secret"] for who in (one, other)]
    for _ in range(CODES[0][0]):
        assert_problem(one.post(CONFIRM, {"code": "000000"}), 422, "wrong_code")
    assert_problem(one.post(CONFIRM, {"code": code(house, secrets[0])}), 429, "too_many_attempts")
    assert other.post(CONFIRM, {"code": code(house, secrets[1])}).status_code == 200
    house.tick(30)
    for _ in range(PAIR[0] + 1):
        assert_problem(other.send("DELETE", FACTOR, {"code": "000000"}), 422, "wrong_code")
    assert other.send("DELETE", FACTOR, {"code": code(house, secrets[1])}).status_code == 204

    root.post(FACTOR, AGAIN)
    for _ in range(PAIR[0]):
        assert_problem(root.post(CONFIRM, {"code": "000000"}), 422, "wrong_code")
    assert sign_in(house).status_code == 200


def dialled(house: House, msisdn: str) -> Caller:
    """A person who has only a phone and a PIN."""
    return house.caller(house.app.extensions["tokens"].issue(Phone(house, msisdn).register().person.id))


def test_a_code_is_good_once(house: House, root: Caller) -> None:
    secret, _ = enrol(house, root)
    shown = code(house, secret)
    assert sign_in(house, shown).status_code == 200
    assert_problem(sign_in(house, shown), 401, "wrong_factor")
    assert_problem(sign_in(house, code(house, secret, -1)), 401, "wrong_factor")
    house.tick(30)
    assert sign_in(house, code(house, secret)).status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (1, 200), (2, 401)])
def test_the_devices_clock_may_be_half_a_minute_off(house: House, root: Caller, steps: int, status: int) -> None:
    secret, _ = enrol(house, root)
    house.tick(300)
    assert sign_in(house, code(house, secret, steps)).status_code == status


def test_a_recovery_code_is_good_once(house: House, root: Caller) -> None:
    _, codes = enrol(house, root)
    assert sign_in(house, codes[3].upper()).status_code == 200
    assert_problem(sign_in(house, codes[3]), 401, "wrong_factor")
    assert sign_in(house, codes[4]).status_code == 200


def test_guesses_at_codes_are_few(house: House, root: Caller) -> None:
    secret, _ = enrol(house, root)
    for _ in range(PAIR[0]):
        assert_problem(sign_in(house, "000000"), 401, "wrong_factor")
    # Given a right code from here, I expect it to be let in until too many were wrong
    assert sign_in(house, code(house, secret)).status_code == 200
    house.tick(30)
    for _ in range(CODES[0][0]):
        sign_in(house, "000000")
    assert_problem(sign_in(house, code(house, secret)), 429, "too_many_attempts")


def test_no_code_is_no_guess_at_one(house: House, root: Caller) -> None:
    """An app may ask for the code when the answer says that it is needed."""
    secret, _ = enrol(house, root)
    for _ in range(CODES[0][0] + 1):
        assert_problem(sign_in(house), 401, "wrong_factor")
        assert sign_in(house, code(house, secret)).status_code == 200
        house.tick(30)


def test_who_has_only_tokens_guesses_few_codes_to_remove_it(house: House, root: Caller) -> None:
    secret, _ = enrol(house, root)

    def removed(otp: str) -> Answer:
        token = house.app.extensions["tokens"].issue(root.id)
        return house.caller(token).send("DELETE", FACTOR, {"code": otp})

    for _ in range(CODES[1][0]):
        assert_problem(removed("000000"), 422, "wrong_code")
        house.tick(1200)
    assert_problem(removed(code(house, secret)), 429, "too_many_attempts")


def test_who_does_not_know_the_password_does_not_learn_of_the_factor(house: House, root: Caller) -> None:
    enrol(house, root)
    form = {"username": "root", "password": "wrong wrong", "otp": "000000"}
    assert_problem(house.http.post("/v1/auth/token", data=form), 401, "wrong_credentials")


def test_it_is_removed_by_a_code_of_it(house: House, root: Caller) -> None:
    secret, _ = enrol(house, root)
    assert_problem(root.send("DELETE", FACTOR, {"code": "000000"}), 422, "wrong_code")
    assert root.send("DELETE", FACTOR, {"code": code(house, secret)}).status_code == 204
    assert sign_in(house).status_code == 200


def test_neither_secret_nor_recovery_codes_are_shown_again(house: House, root: Caller) -> None:
    secret, codes = enrol(house, root)
    assert secret not in root.get(ME).text
    kept = str(house.store.find("people", {}))
    assert not any(each in kept for each in codes)


def test_where_it_is_required_a_role_counts_only_with_it() -> None:
    house = build(require_second_factor=True)
    root = house.person("root", Role.ADMIN)
    assert_problem(root.get("/amendes/payments"), 403, "second_factor_needed")
    assert root.get(ME).json["role"] == "admin"
    secret, _ = enrol(house, root)
    assert_problem(root.get("/amendes/payments"), 403, "second_factor_needed")

    signed_in = house.caller(sign_in(house, code(house, secret)).json["access_token"])
    assert signed_in.get("/amendes/payments").status_code == 200
    assert house.caller().get("/amendes/payments").status_code == 200  # the ADMIN_TOKEN is no person


def test_where_it_is_required_it_changes_nothing_for_others() -> None:
    house = build(require_second_factor=True)
    awa = house.person("awa")
    assert awa.get("/v1/wallets/me").status_code == 200
    assert_problem(awa.get("/amendes/payments"), 403, "forbidden")
