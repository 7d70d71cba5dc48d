"""Signing in with a second factor: its code opens the way past the guesses of others, and is not guessed itself."""

import pytest

from core.identity.guesses import ADDRESS, CODES
from core.identity.people import Role
from tests.answers import Answer
from tests.api.kit import PASSWORD, PHONE, House, assert_problem, build
from tests.api.test_second_factor import code as totp
from tests.api.test_second_factor import enrol
from tests.api.test_sign_in import MAX_WRONG, URL, many_wrong, sign_in, wrong
from tests.doubles import CutOff


@pytest.fixture(autouse=True)
def _awa(house: House) -> None:
    house.person("awa", msisdn=PHONE)


def tried(house: House, otp: str, password: str = PASSWORD, address: str = "10.0.0.5") -> Answer:
    form = {"username": "root", "password": password, "otp": otp}
    return house.http.post(URL, data=form, environ_base={"REMOTE_ADDR": address})


def test_a_code_of_the_device_opens_the_way_too(house: House) -> None:
    secret, recovery = enrol(house, house.person("root", Role.ADMIN))
    many_wrong(house, "root")

    # Given only one of the two, I expect answers that do not tell which
    refused = [tried(house, ""), tried(house, "000000"), tried(house, recovery[0], "wrong wrong")]
    assert [answer.status_code for answer in refused] == [429] * 3
    for answer in refused:
        del answer.headers["X-Request-Id"]  # of each request its own
    assert len({(answer.text, str(answer.headers)) for answer in refused}) == 1
    # and no code to be used up by a wrong password
    assert tried(house, recovery[0]).status_code == 200
    assert tried(house, totp(house, secret), address="10.0.0.6").status_code == 200
    assert tried(house, recovery[1], address="10.0.0.7").status_code == 200


@pytest.mark.parametrize("full", [True, False], ids=["past the counts", "within them"])
def test_who_has_the_password_guesses_codes_from_all_addresses_only_so_often(house: House, full: bool) -> None:
    secret, recovery = enrol(house, house.person("root", Role.ADMIN))
    assert tried(house, totp(house, secret), address="10.0.0.2").status_code == 200
    house.tick(30)
    (an_hour, hour_s), (a_day, day_s) = CODES
    if full:
        many_wrong(house, "root")
    for number in range(an_hour):
        tried(house, "000000", address=f"10.67.{number}.1")
    assert tried(house, totp(house, secret), address="10.68.0.1").status_code == 429
    # I expect the owner to be known, with counts of their own
    assert tried(house, recovery[1], address="10.0.0.2").status_code == 200

    house.tick(hour_s)
    for number in range(a_day - an_hour):
        tried(house, "000000", address=f"10.69.{number}.1")
        house.tick(hour_s / an_hour)
    assert tried(house, recovery[2], address="10.70.0.1").status_code == 429
    house.tick(day_s)
    assert tried(house, recovery[2], address="10.70.0.1").status_code == 200


def test_wrong_passwords_do_not_use_up_the_codes_that_are_looked_at(house: House) -> None:
    _, recovery = enrol(house, house.person("root", Role.ADMIN))
    many_wrong(house, "root")
    for number in range(CODES[1][0] + 1):
        assert tried(house, "000000", "wrong wrong", f"10.67.{number}.1").status_code == 429
    assert tried(house, recovery[0], address="10.68.0.1").status_code == 200


@pytest.mark.parametrize("known", [True, False])
def test_a_stranger_at_the_address_keeps_out_no_owner_with_a_second_factor(house: House, known: bool) -> None:
    secret, recovery = enrol(house, house.person("root", Role.ADMIN))
    if known:
        assert tried(house, totp(house, secret)).status_code == 200
    wrong(house, MAX_WRONG, "root", "10.0.0.5")
    assert [tried(house, "").status_code, tried(house, "000000").status_code] == [429] * 2
    assert tried(house, recovery[0], "wrong wrong").status_code == 429
    assert tried(house, recovery[0]).status_code == 200


def test_past_the_counts_a_wrong_password_is_as_much_work_as_a_wrong_code(house: House) -> None:
    """Else the time of the answer would tell that the password is right."""
    enrol(house, house.person("root", Role.ADMIN))
    many_wrong(house, "root")
    for number in range(CODES[0][0] + 1):
        tried(house, "000000", "wrong wrong", f"10.67.{number}.1")

    def work(password: str) -> int:
        counting = CutOff(house.store, 1000)
        assert tried(build(counting), "000000", password).status_code == 429
        return 1000 - counting._left

    before = [work("wrong wrong"), work(PASSWORD)]
    # Given so many wrong codes that no more are looked at
    for number in range(CODES[0][0]):
        tried(house, "000000", address=f"10.68.{number}.1")
    assert len({*before, work("wrong wrong"), work(PASSWORD)}) == 1


def test_a_right_password_with_a_wrong_code_uses_up_none_of_the_wrong_passwords(house: House) -> None:
    enrol(house, house.person("root", Role.ADMIN))
    for number in range(MAX_WRONG + 1):
        assert_problem(tried(house, "000000" if number % 2 else ""), 401, "wrong_factor")
    assert_problem(tried(house, "", "wrong wrong"), 401, "wrong_credentials")
    assert_problem(tried(house, ""), 401, "wrong_factor")


def test_a_code_of_the_device_opens_the_way_past_what_others_do_at_the_address(house: House) -> None:
    secret, _ = enrol(house, house.person("root", Role.ADMIN))
    for number in range(ADDRESS[0]):
        wrong(house, 1, f"ghost{number}", "10.0.0.9")
    form = {"username": "root", "password": PASSWORD, "otp": totp(house, secret)}
    assert sign_in(house, address="10.0.0.9").status_code == 429
    assert house.http.post(URL, data=form, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200
