"""Strangers have few codes sent, end none of the owner's, and learn nothing from the answers."""

from pathlib import Path

import pytest

from core.identity.code_budget import OF_ACCOUNT, OF_ADDRESS
from core.identity.codes import MAX_CODES_KNOWN, MAX_CODES_TO_PHONE, MAX_TRIES
from core.rates import Rate
from tests.answers import Answer
from tests.api.kit import PASSWORD, PHONE, Caller, House, assert_problem, build, wrong_fields
from tests.api.test_phone_proof import other_than, register
from tests.ussd.kit import Worker

CODE, RESET, PROVE = "/v1/auth/password/code", "/v1/auth/password/reset", "/v1/auth/phone/code"
NEW = "staple the battery"


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Worker:
    return Worker(house, tmp_path)


def ask(house: House, address: str, msisdn: str = PHONE) -> Answer:
    return house.post({"msisdn": msisdn}, {}, CODE, environ_overrides={"REMOTE_ADDR": address})


def reset(house: House, code: str, address: str) -> Answer:
    given = {"msisdn": PHONE, "code": code, "password": NEW}
    return house.post(given, {}, RESET, environ_overrides={"REMOTE_ADDR": address})


def last_code(worker: Worker) -> str:
    worker.run()
    return "".join(letter for letter in worker.sms(PHONE)[-1] if letter.isdigit())


def test_a_stranger_who_guesses_does_not_end_the_owners_code(house: House, worker: Worker) -> None:
    house.person("awa", msisdn=PHONE)
    assert ask(house, "10.0.0.1").status_code == 202
    code = last_code(worker)
    for _ in range(MAX_TRIES):
        assert_problem(reset(house, other_than(code), "10.66.0.1"), 422, "wrong_code")
    assert_problem(reset(house, code, "10.66.0.1"), 429, "too_many_attempts")

    assert reset(house, code, "10.0.0.1").status_code == 204


def test_strangers_who_ask_for_codes_do_not_keep_out_an_owner_who_is_known(house: House, worker: Worker) -> None:
    awa = house.person("awa", msisdn=PHONE)
    assert awa.person is not None
    form = {"username": "awa", "password": PASSWORD}
    house.http.post("/v1/auth/token", data=form, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    known = house.core.people.get(awa.person.id)
    assert known is not None
    assert len(known.addresses) == 1
    for number in range(MAX_CODES_TO_PHONE):
        assert ask(house, f"10.66.0.{number}").status_code == 202
    assert_problem(ask(house, "10.66.1.1"), 429, "too_many_attempts")

    assert ask(house, "10.0.0.1").status_code == 202
    assert reset(house, last_code(worker), "10.0.0.1").status_code == 204


def test_an_account_has_few_codes_sent_whatever_phones_it_names(house: House) -> None:
    mallory = register(house, "mallory")
    answers = []
    for number in range(OF_ACCOUNT[0] + 1):
        given = {"msisdn": f"+22507070001{number:02d}", "current_password": PASSWORD}
        assert mallory.send("PUT", "/v1/auth/phone", given).status_code == 200
        answers.append(mallory.post(PROVE, {}).status_code)
    assert answers == [202] * OF_ACCOUNT[0] + [429]


def sign_in(house: House, address: str, username: str = "awa") -> None:
    form = {"username": username, "password": PASSWORD}
    answer = house.http.post("/v1/auth/token", data=form, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == 200


def prove_from(house: House, who: Caller, address: str) -> Answer:
    return house.post({}, {"Authorization": f"Bearer {who.token}"}, PROVE, environ_overrides={"REMOTE_ADDR": address})


def test_from_an_address_few_codes_are_sent_to_people_who_are_new_to_it(house: House, worker: Worker) -> None:
    for number in range(OF_ADDRESS[0] + 1):
        house.person(f"victim-{number}", msisdn=f"+2250708{number:06d}")
        assert ask(house, "10.66.0.1", f"+2250708{number:06d}").status_code == 202
    worker.run()
    assert worker.sms(f"+2250708{OF_ADDRESS[0] - 1:06d}")
    # The answer does not tell that there is an owner
    assert worker.sms(f"+2250708{OF_ADDRESS[0]:06d}") == []


def test_a_stranger_behind_the_same_address_keeps_nobody_there_from_codes(house: House, worker: Worker) -> None:
    shared = "10.66.0.1"
    house.person("awa", msisdn=PHONE)
    sign_in(house, shared)
    house.person("kofi", msisdn="+2250707000002")
    for number in range(3 * OF_ADDRESS[0]):
        assert ask(house, shared, f"+2250707{number + 100:06d}").status_code == 202
    for number in range(OF_ADDRESS[0] - 1):
        house.person(f"victim-{number}", msisdn=f"+2250708{number:06d}")
        ask(house, shared, f"+2250708{number:06d}")

    # Given phones that nobody has, I expect them to use up nothing that owners need
    assert ask(house, shared, "+2250707000002").status_code == 202
    # and codes to owners who are new to the address nothing of who is known there, or signed in
    for number in range(MAX_CODES_KNOWN):
        assert ask(house, shared).status_code == 202
        worker.run()
        assert len(worker.sms(PHONE)) == number + 1
    ama = register(house, "ama", "+2250707000003")
    assert prove_from(house, ama, shared).status_code == 202
    worker.run()
    assert len(worker.sms("+2250707000002")) == len(worker.sms("+2250707000003")) == 1
    assert reset(house, last_code(worker), shared).status_code == 204


def test_too_many_requests_from_an_address_do_not_keep_out_an_owner_who_is_known_there(tmp_path: Path) -> None:
    house = build(rate_limits={"codes": Rate(2, 60), "writes": Rate(2, 60)})
    worker = Worker(house, tmp_path)
    house.person("awa", msisdn=PHONE)
    sign_in(house, "10.66.0.1")
    for number in range(3):
        answer = ask(house, "10.66.0.1", f"+225070700010{number}")
    assert_problem(answer, 429, "too_many_requests")
    assert ask(house, "10.66.0.1").status_code == 202
    for _ in range(3):
        answer = house.post({}, {}, RESET, environ_overrides={"REMOTE_ADDR": "10.66.0.1"})
    assert_problem(answer, 429, "too_many_requests")
    assert reset(house, last_code(worker), "10.66.0.1").status_code == 204
    house.store.close()


def test_codes_that_are_refused_use_up_nothing_of_the_installation() -> None:
    house = build(codes_per_hour=MAX_CODES_TO_PHONE + 6)
    answers = []
    for number in range(6):
        mallory = register(house, f"mallory-{number}")
        answers += [mallory.post(PROVE, {}).status_code for _ in range(OF_ACCOUNT[0])]
    assert answers.count(202) == MAX_CODES_TO_PHONE
    assert register(house, "awa", "+2250707000009").post(PROVE, {}).status_code == 202
    house.store.close()


def test_new_accounts_leave_codes_to_those_made_before_yesterday() -> None:
    house = build(codes_per_hour=9)
    awa = register(house, "awa", "+2250707000009")
    house.tick(2 * 24 * 3600)
    answers = []
    for number in range(9):
        mallory = register(house, f"mallory-{number}", f"+225070700020{number}")
        answers.append(mallory.post(PROVE, {}).status_code)
    assert answers == [202] * 6 + [429] * 3
    token = house.app.extensions["tokens"].issue(awa.id)
    assert house.caller(token).post(PROVE, {}).status_code == 202
    house.store.close()


def test_phones_of_other_countries_get_no_codes_unless_a_setting_allows_it() -> None:
    abroad = "+33612345678"
    for regions, status in (([], 422), (["FR"], 202)):
        house = build(code_regions=regions)
        answer = register(house, "mallory", abroad).post(PROVE, {})
        assert answer.status_code == status
        if status == 422:
            assert wrong_fields(answer) == {"/msisdn"}
        house.store.close()


def test_beyond_the_cap_of_the_installation_a_reset_answers_alike_and_sends_nothing(tmp_path: Path) -> None:
    house = build(codes_per_hour=1)
    worker = Worker(house, tmp_path)
    house.person("awa", msisdn=PHONE)
    for number in range(2):
        assert ask(house, f"10.0.0.{number + 1}").status_code == 202
    worker.run()
    assert len(worker.sms(PHONE)) == 1
    assert_problem(register(house, "mallory", "+2250707000009").post(PROVE, {}), 429, "too_many_attempts")
    house.store.close()
