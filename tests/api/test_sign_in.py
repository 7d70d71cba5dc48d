"""Signing in: the form, one answer for all that is wrong, and an end to guessing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from core.identity.credentials import Credentials
from core.identity.guesses import ACCOUNT, ADDRESS, PAIR
from core.identity.passwords import Passwords
from core.log import redact
from tests.answers import Answer, client_of
from tests.api.kit import CHEAP, PASSWORD, PHONE, House, assert_problem, build, wrong_fields
from tests.doubles import CutOff, open_sql
from tests.store.samples import at_once
from tests.ussd.kit import Worker

URL = "/v1/auth/token"
MAX_WRONG, WITHIN_S = PAIR
WIDE = "\uff41\uff57\uff41"
"""Awa, as a Japanese keyboard may write it."""


class Counting:
    """A hasher that counts what it is asked."""

    def __init__(self) -> None:
        self.hashed = self.verified = 0

    def hash(self, password: str) -> str:
        self.hashed += 1
        return CHEAP.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        self.verified += 1
        return CHEAP.verify(hashed, password)


def sign_in(house: House, username: str = "awa", password: str = PASSWORD, address: str = "10.0.0.1") -> Answer:
    form = {"username": username, "password": password}
    return house.http.post(URL, data=form, environ_base={"REMOTE_ADDR": address})


def wrong(house: House, times: int, username: str = "awa", address: str = "10.0.0.1") -> None:
    for _ in range(times):
        assert_problem(sign_in(house, username, "wrong wrong", address), 401, "wrong_credentials")


def counted(house: House) -> Counting:
    """The hasher of the house, from now on."""
    hasher = Counting()
    vars(house.core)["credentials"] = Credentials(house.store, house.clock, Passwords(hasher))  # type: ignore[arg-type]
    return hasher


@pytest.fixture(autouse=True)
def _awa(house: House) -> None:
    house.person("awa", msisdn=PHONE)


def test_a_token_is_given(house: House) -> None:
    answer = sign_in(house)

    assert answer.status_code == 200
    assert answer.json == {"access_token": answer.json["access_token"], "token_type": "bearer", "expires_in": 3600}
    assert answer.headers["Cache-Control"] == "no-store"
    me = house.caller(answer.json["access_token"]).get("/v1/auth/read_current_user").json
    assert (me["username"], me["msisdn"], me["role"]) == ("awa", PHONE, "user")


@pytest.mark.parametrize("username", ["AWA", WIDE])
def test_a_username_signs_in_in_any_spelling(house: House, username: str) -> None:
    assert sign_in(house, username).status_code == 200


@pytest.mark.parametrize("password", [PASSWORD.upper(), f" {PASSWORD}", f"{PASSWORD} ", PASSWORD[:-1], "", "x" * 20000])
def test_a_password_signs_in_in_its_own_spelling_only(house: House, password: str) -> None:
    assert_problem(sign_in(house, password=password), 401, "wrong_credentials")


def test_the_form_may_be_that_of_oauth(house: House) -> None:
    form = {"username": "awa", "password": PASSWORD, "grant_type": "password", "scope": "", "client_id": "x"}

    assert house.http.post(URL, data=form).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        {"json": {"username": "awa", "password": PASSWORD}},
        {"data": {"username": "awa", "password": PASSWORD}, "content_type": "multipart/form-data"},
        {"data": "username=awa", "content_type": "text/plain"},
        {"data": b""},
    ],
    ids=["json", "multipart", "text", "nothing"],
)
def test_only_a_form_is_read(house: House, how: Any) -> None:
    assert_problem(house.http.post(URL, **how), 415, "unsupported_media_type")


def test_the_query_is_not_read(house: House) -> None:
    answer = house.http.post(f"{URL}?username=awa&password={PASSWORD}", data={"x": "y"})

    assert wrong_fields(answer) == {"/username", "/password"}


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_missing_field_is_named_and_counts_as_no_attempt(house: House, missing: str) -> None:
    form = {"username": "awa", "password": "wrong wrong"}
    del form[missing]
    for _ in range(MAX_WRONG + 1):
        assert wrong_fields(house.http.post(URL, data=form)) == {f"/{missing}"}

    assert sign_in(house).status_code == 200


@pytest.mark.parametrize(
    "data", [b"username=%FF%FE&password=%00", b"&&&=&username&password", b"username=a&username=b&password="]
)
def test_odd_forms_are_refused_as_any_other(house: House, data: bytes) -> None:
    answer = house.http.post(URL, data=data, content_type="application/x-www-form-urlencoded")

    assert_problem(answer, 401, "wrong_credentials")


def _wrong(house: House) -> Answer:
    return sign_in(house, password="wrong wrong")


def _unknown(house: House) -> Answer:
    return sign_in(house, "nobody")


def _no_name(house: House) -> Answer:
    return sign_in(house, "' OR 1=1 --")


def _suspended(house: House) -> Answer:
    house.suspend(house.person("kofi"))
    return sign_in(house, "kofi")


NOT_LET_IN = [_wrong, _unknown, _no_name, _suspended]


def test_every_refused_sign_in_gets_the_same_answer(house: House) -> None:
    answers = [refused(house) for refused in NOT_LET_IN]

    problem = assert_problem(answers[0], 401, "wrong_credentials")
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    for answer in answers:
        del answer.headers["X-Request-Id"]  # of each request its own
    for answer in answers[1:]:
        assert (answer.status_code, answer.json, dict(answer.headers)) == (401, problem, dict(answers[0].headers))


@pytest.mark.parametrize("refused", NOT_LET_IN)
def test_every_refused_sign_in_costs_one_verification(house: House, refused: Callable[[House], Answer]) -> None:
    hasher = counted(house)
    _unknown(house)
    sign_in(house)
    assert hasher.verified == 2

    before = hasher.verified
    refused(house)

    # I expect the time of every answer to be that of one hash
    assert hasher.verified == before + 1


def test_a_sixth_guess_from_an_address_is_not_even_looked_at(house: House) -> None:
    wrong(house, MAX_WRONG)
    hasher = counted(house)
    answer = sign_in(house)
    assert_problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= WITHIN_S + 1
    assert hasher.verified == 0

    house.tick(WITHIN_S - 0.1)
    assert_problem(sign_in(house), 429, "too_many_attempts")
    house.tick(0.1)
    assert sign_in(house).status_code == 200


def test_who_guesses_keeps_the_owner_out_from_nowhere_else(house: House) -> None:
    """Five wrong passwords would lock the account, if they counted for all addresses."""
    for number in range(3):
        wrong(house, MAX_WRONG, address=f"10.0.1.{number}")
    assert sign_in(house, address="10.0.0.2").status_code == 200


def test_many_who_guess_keep_out_only_addresses_that_are_new_to_the_account(house: House) -> None:
    assert sign_in(house, address="10.0.0.2").status_code == 200
    most, within_s = ACCOUNT
    for number in range(most):
        wrong(house, 1, address=f"10.0.{1 + number}.1")

    assert_problem(sign_in(house, address="10.9.0.1"), 429, "too_many_attempts")
    assert sign_in(house, address="10.0.0.2").status_code == 200
    house.tick(within_s)
    assert sign_in(house, address="10.9.0.1").status_code == 200


def many_wrong(house: House, username: str = "awa") -> None:
    """As many wrong passwords as an account may have from elsewhere."""
    for number in range(ACCOUNT[0]):
        wrong(house, 1, username, f"10.66.{number}.1")


def test_who_registered_at_an_address_is_known_there(house: House) -> None:
    given = {"username": "kofi", "password": PASSWORD}
    assert house.post(given, path="/v1/auth", environ_overrides={"REMOTE_ADDR": "10.0.0.3"}).status_code == 201
    many_wrong(house, "kofi")
    assert sign_in(house, "kofi", address="10.0.0.4").status_code == 429
    assert sign_in(house, "kofi", address="10.0.0.3").status_code == 200


def test_a_code_to_the_proven_phone_opens_the_way_past_the_guesses_of_others(house: House, worker: Worker) -> None:
    new, road = "staple the battery", "10.0.0.5"
    many_wrong(house)
    for _ in range(MAX_WRONG):
        assert_problem(sign_in(house, address=road), 429, "too_many_attempts")
    house.post({"msisdn": PHONE}, path="/v1/auth/password/code")
    given = {"msisdn": PHONE, "code": worker.code(PHONE), "password": new}
    reset = house.post(given, path="/v1/auth/password/reset", environ_overrides={"REMOTE_ADDR": road})
    assert reset.status_code == 204

    assert sign_in(house, password=new, address=road).status_code == 200
    assert sign_in(house, password=new, address="10.0.0.6").status_code == 429


def test_what_is_refused_does_not_make_the_rest_longer(house: House) -> None:
    wrong(house, MAX_WRONG)
    house.tick(WITHIN_S - 1)
    assert_problem(sign_in(house), 429, "too_many_attempts")

    house.tick(1)
    assert sign_in(house).status_code == 200


def test_retry_after_is_long_enough(house: House) -> None:
    wrong(house, MAX_WRONG)
    house.tick(100.5)

    house.tick(int(sign_in(house).headers["Retry-After"]))

    assert sign_in(house).status_code == 200


@pytest.mark.parametrize("spelling", ["AWA", WIDE, f"A{WIDE[1]}a", "\U0001d41awa"])
def test_another_spelling_is_no_other_account(house: House, spelling: str) -> None:
    wrong(house, MAX_WRONG - 1)
    wrong(house, 1, spelling)

    assert_problem(sign_in(house), 429, "too_many_attempts")
    assert_problem(sign_in(house, spelling), 429, "too_many_attempts")


def test_an_account_that_is_not_there_rests_as_well(house: House) -> None:
    wrong(house, MAX_WRONG, "nobody")

    assert_problem(sign_in(house, "nobody"), 429, "too_many_attempts")


def test_accounts_rest_each_for_itself(house: House) -> None:
    house.person("kofi")
    wrong(house, MAX_WRONG)

    assert sign_in(house, "kofi").status_code == 200


def test_the_right_password_forgets_the_wrong_ones(house: House) -> None:
    for _ in range(3):
        wrong(house, MAX_WRONG - 1)
        assert sign_in(house).status_code == 200


def test_attempts_long_ago_do_not_count(house: House) -> None:
    wrong(house, MAX_WRONG - 1)
    house.tick(WITHIN_S)

    wrong(house, MAX_WRONG - 1)
    assert sign_in(house).status_code == 200


def test_fifty_guesses_from_an_address_keep_out_only_accounts_that_are_new_to_it(house: House) -> None:
    house.person("kofi")
    assert sign_in(house, "kofi").status_code == 200
    most, within_s = ADDRESS
    for number in range(most):
        wrong(house, 1, f"name-{number}")

    assert_problem(sign_in(house), 429, "too_many_attempts")
    assert sign_in(house, "kofi").status_code == 200
    assert sign_in(house, address="10.0.0.2").status_code == 200
    house.tick(within_s)
    assert sign_in(house).status_code == 200


def test_who_mistypes_among_good_sign_ins_keeps_nobody_out(house: House) -> None:
    """Behind one address, people mistype all day, and none of them much."""
    for number in range(2 * ADDRESS[0]):
        house.person(f"citizen-{number}")
        wrong(house, 1, f"citizen-{number}")
        assert sign_in(house, f"citizen-{number}").status_code == 200
        house.tick(ADDRESS[1] / (ADDRESS[0] - 1))
    assert sign_in(house).status_code == 200


def test_an_own_sign_in_allows_no_more_guesses_at_others(house: House) -> None:
    house.person("mallory")
    assert sign_in(house, "mallory").status_code == 200
    for number in range(ADDRESS[0]):
        wrong(house, 1, f"victim-{number}")
        if number % 10 == 0:
            assert sign_in(house, "mallory").status_code == 200

    assert_problem(sign_in(house, "victim-x"), 429, "too_many_attempts")


def test_an_address_is_not_what_a_header_says(house: House) -> None:
    for number in range(ADDRESS[0]):
        wrong(house, 1, f"name-{number}")

    form = {"username": "awa", "password": PASSWORD}
    headers = {"X-Forwarded-For": "10.9.9.9", "Forwarded": "for=10.9.9.9", "X-Real-IP": "10.9.9.9"}
    answer = house.http.post(URL, data=form, headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert_problem(answer, 429, "too_many_attempts")


def test_of_many_at_once_no_more_are_tried_than_of_many_in_turn(house: House) -> None:
    hasher, app = counted(house), house.app

    def guess(number: int) -> int:
        return client_of(app).post(URL, data={"username": "awa", "password": f"guess {number}"}).status_code

    assert sorted(at_once(guess, 12)) == [401] * MAX_WRONG + [429] * (12 - MAX_WRONG)
    assert hasher.verified == MAX_WRONG


def test_neither_names_nor_addresses_are_kept_with_the_attempts(house: House) -> None:
    wrong(house, 1, "my secret instead of my name", "10.1.2.3")

    kept = json.dumps(house.store.find("attempts", {}))
    assert "secret" not in kept
    assert "10.1.2.3" not in kept
    assert sign_in(house, address="10.1.2.3").status_code == 200
    assert "10.1.2.3" not in json.dumps(house.store.find("people", {}))


@pytest.mark.parametrize("verbs", range(11))
def test_a_store_that_fails_during_sign_in_is_answered_503(house: House, verbs: int) -> None:
    # Given a store that goes away after so many verbs of one sign-in
    shaky = build(CutOff(house.store, verbs))

    answer = sign_in(shaky)

    assert_problem(answer, 503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_with_the_store_down_a_token_is_not_called_wrong(house: House) -> None:
    token = sign_in(house).json["access_token"]

    answer = build(CutOff(open_sql("sqlite://"), 0)).caller(token).get("/v1/wallets/me")

    assert_problem(answer, 503, "store_unavailable")


def test_neither_passwords_nor_tokens_nor_phones_reach_a_log(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    # Given requests that end in every way, a mistake of ours among them
    with capture_logs([format_exc_info, redact]) as logs:
        token = sign_in(house).json["access_token"]
        wrong(house, 1)
        house.post({"username": "awa", "password": PASSWORD, "msisdn": PHONE}, path="/v1/auth/")
        shaky = build(CutOff(house.store, 1))
        sign_in(shaky)
        shaky.caller(token).get("/v1/wallets/me")
        vars(house.core)["people"] = None
        assert sign_in(house).status_code == 500
        assert house.caller(token).get("/v1/wallets/me").status_code == 500

    # I expect them to be logged, and none of the secrets with them
    assert len([line for line in logs if line["event"] == "request_failed"]) == 4
    written = json.dumps(logs) + "".join(capfd.readouterr())
    assert "Traceback" in written
    for secret in (PASSWORD, "wrong wrong", token, PHONE, PHONE[4:], "$argon2id$"):
        assert secret not in written
