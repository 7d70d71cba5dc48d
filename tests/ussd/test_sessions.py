"""Sessions: a step is taken once however it comes, one of two that race wins, and nobody sees another's."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import CutOff
from store.samples import at_once
from structlog.testing import capture_logs

from api.ussd.sessions import CLAIM_S, RESUME_S, RETRIED_S, Sessions
from core.store.port import OPERATIONS, USSD_SESSIONS, Document
from core.store.sql import SqlStore
from tests.api.kit import PASSWORD, House, assert_problem, build
from tests.ussd.kit import (
    GATEWAYS,
    PIN,
    Phone,
    Worker,
    assert_sound,
    balance,
    count_all,
    deliver,
    everything,
    menu,
    merchant,
    move_in,
    neighbour,
    people,
    pins,
    read,
)

RACERS = 8
AMOUNT, SUMMARY = "Amount:", "Top up 500 XOF.\nPIN:"
RESUME = "Go on where you were?\n1 Yes\n2 No"


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def awa(house: House, gateway: str) -> Phone:
    """Registered, and at the main menu."""
    return Phone(house, gateway=gateway).register()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[House]:
    """On a store in which threads really are at once."""
    house = move_in(build(SqlStore(f"sqlite:///{tmp_path}/store.sqlite")))
    yield house
    house.store.close()


def session(phone: Phone) -> Document:
    (found,) = [
        found for found in phone.house.store.find(USSD_SESSIONS, {}) if found["session"].endswith(phone.session)
    ]
    return found


def racing(phone: Phone, *keys: str) -> list[tuple[str, bool]]:
    """All of these keys at the same moment, each as the next step."""

    def send(number: int) -> tuple[str, bool]:
        typed = [*phone.typed, keys[number]]
        return read(deliver(phone.house, phone.gateway, phone.session, phone.msisdn, typed))

    return at_once(send, len(keys))


def wrong_pins(phone: Phone) -> int:
    """How many are counted."""
    return sum(found["failed"] for found in phone.house.store.find("attempts", {}))


def test_every_step_delivered_again_gets_the_same_answer(house: House, worker: Worker, gateway: str) -> None:
    """Without numbers, one that says something else where it led to is not known again: a PIN that is chosen twice,
    a choice that is an amount as well, and the way back."""
    phone, kofi = Phone(house, gateway=gateway), neighbour(house, "kofi")
    told = {True: True, False: gateway == "africastalking"}
    for dial in (
        [("2", True), (PIN, False), (PIN, True), ("6", False), ("5000", True), (PIN, True)],
        [("1", True), ("kofi", True), ("700", True), (PIN, True)],
        [("5", True), ("0", False), ("9", True), ("0", True)],
    ):
        first = phone.dial()
        assert phone.again() == first
        for key, known_again in dial:
            shown = phone.type(key)
            if told[known_again]:
                assert (phone.again(), phone.again()) == (shown, shown), key
        worker.run()

    assert (balance(phone), balance(kofi)) == (4300, 700)
    assert len(phone.operations()) == len(worker.sms(phone.msisdn)) == 2


def test_a_payment_delivered_again_after_the_end_is_one(house: House, worker: Worker, awa: Phone) -> None:
    said = awa.type("6", "500", PIN)
    for _ in range(3):
        assert awa.again() == said
        assert awa.over
    worker.run()
    assert awa.again() == said
    worker.run()

    assert len(awa.operations()) == 1
    assert len(worker.sms(awa.msisdn)) == 1
    assert balance(awa) == 500


def test_a_wrong_pin_delivered_again_counts_once(awa: Phone) -> None:
    shown = awa.type("6", "500", "9753")
    assert shown == f"Wrong PIN.\n{SUMMARY}"
    for _ in range(3):
        assert awa.again() == shown

    assert wrong_pins(awa) == 1
    awa.type(PIN)
    awa.accepted()


def test_an_amount_delivered_again_is_no_pin(house: House, awa: Phone) -> None:
    """It has as many digits as one."""
    shown = awa.type("6", "2468")
    for _ in range(4):
        assert awa.again() == shown

    assert wrong_pins(awa) == 0
    awa.type(PIN)
    awa.accepted()


def test_who_pays_as_much_as_his_pin_says_only_has_to_read_first(house: House, awa: Phone) -> None:
    awa.type("6", PIN)
    house.tick(RETRIED_S)
    awa.type(PIN)

    assert awa.accepted().request["amount"] == int(PIN)


def test_a_pin_may_be_typed_twice_in_a_row_where_that_is_asked(house: House, gateway: str) -> None:
    phone = Phone(house, gateway=gateway).register()

    assert phone.message == menu("en")
    assert phone.type("8", "1", PIN, PIN, PIN) == "PIN changed."


def test_the_same_choice_may_follow_itself(awa: Phone) -> None:
    """Where it says something else than before, it is no repetition."""
    assert awa.type("8", "2", "2") == menu("en")
    assert awa.type("6", "6").startswith("Top up 6 XOF.")
    awa.type("0", "00", "8")
    awa.dial()
    assert awa.type("1") == "My account\n1 Change PIN\n2 Language"
    assert awa.type("1") == "PIN:"


def test_what_is_mistyped_twice_is_told_twice(awa: Phone) -> None:
    shown = awa.type("6", "a lot")
    assert shown == f"Not an amount.\n{AMOUNT}"
    assert awa.type("a lot") == shown
    assert awa.type("500") == SUMMARY


@pytest.mark.parametrize("keys", [("6",), ("6", "5000"), ("6", "500", PIN), ("6", "500", "9753"), ("0",)])
def test_of_the_same_step_many_times_at_once_one_is_taken(
    busy: House, tmp_path: Path, gateway: str, keys: tuple[str, ...]
) -> None:
    phone = Phone(busy, gateway=gateway).register()
    *before, last = keys
    phone.type(*before)

    answers = racing(phone, *[last] * RACERS)

    if gateway == "africastalking" or last != "6":  # which is an amount as well
        assert len(set(answers)) == 1, answers
    assert wrong_pins(phone) == (last == "9753")
    assert len(phone.operations()) == (last == PIN)
    worker = Worker(busy, tmp_path)
    worker.run()
    assert balance(phone) == 500 * (last == PIN)
    assert_sound(busy.store)


def test_of_many_who_dial_at_once_from_one_phone_one_is_first(busy: House, gateway: str) -> None:
    phone = Phone(busy, gateway=gateway).register()
    phone.session, phone.typed = "another", []

    def dial(_: int) -> tuple[str, bool]:
        return read(deliver(busy, gateway, "another", phone.msisdn, []))

    assert set(at_once(dial, RACERS)) == {(menu("en"), False)}


def test_who_registers_many_times_at_once_is_one_person(busy: House, gateway: str) -> None:
    phone = Phone(busy, gateway=gateway)
    phone.dial()
    phone.type("2", PIN)

    answers = racing(phone, *[PIN] * RACERS)

    assert (menu("en"), False) in answers
    assert [found["msisdn"] for found in busy.store.find("people", {})] == [phone.msisdn]
    assert len(busy.store.find("wallets", {})) == 1


@pytest.mark.parametrize("keys", [("500", "700"), (PIN, "0"), (PIN, "9753"), ("00", "#"), ("9753", "8642")])
def test_of_two_different_steps_at_once_one_wins(busy: House, gateway: str, keys: tuple[str, str]) -> None:
    for _ in range(3):
        phone = Phone(busy, gateway=gateway).register()
        phone.type("6", *([] if keys[0] == "500" else ["500"]))
        answers = racing(phone, *keys)

        operations = phone.operations()
        assert len(operations) <= 1
        if gateway == "africastalking":
            assert len(set(answers)) == 1, answers
            assert session(phone)["steps"] == len(phone.typed) + 1
        if operations:
            assert any(over and operations[0].id[-8:] in message for message, over in answers)


def test_a_session_ends_after_a_while_of_silence(house: House, gateway: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    phone.type("6")
    house.tick(180)
    assert phone.type("500") == SUMMARY

    house.tick(181)
    assert phone.type(PIN) == f"Session over.\n{menu('en')}"
    assert phone.operations() == []
    assert phone.type("5") == "Balance: 0 XOF"


def test_how_long_it_lasts_is_a_setting(gateway: str) -> None:
    house = move_in(build(ussd_session_s=10))
    phone = Phone(house, gateway=gateway).register()
    phone.type("6")
    house.tick(11)

    assert phone.type("500").startswith("Session over.\n")
    house.store.close()


def test_an_unknown_session_begins_at_the_menu(house: House, awa: Phone) -> None:
    awa.dial()
    awa.session, awa.typed = "never heard of", ["6"]

    assert awa.type("500") == f"Session over.\n{menu('en')}"
    assert awa.operations() == []


def test_who_dials_again_soon_is_asked_whether_to_go_on(house: House, awa: Phone) -> None:
    awa.type("6", "500")
    house.tick(RESUME_S)

    assert awa.dial() == RESUME
    assert awa.again() == RESUME
    assert awa.type("3") == f"No such choice.\n{RESUME}"
    assert awa.type("") == f"No such choice.\n{RESUME}"
    assert awa.type("1") == SUMMARY
    awa.type(PIN)
    awa.accepted()


def test_who_does_not_want_to_go_on_begins_at_the_menu(awa: Phone) -> None:
    awa.type("6", "500")
    awa.dial()

    assert awa.type("2") == menu("en")
    assert awa.dial() == menu("en")


def test_a_session_that_broke_off_goes_on_through_another_gateway(house: House, awa: Phone) -> None:
    awa.type("6", "500")
    other = Phone(house, awa.msisdn, next(name for name in GATEWAYS if name != awa.gateway))

    assert other.dial() == RESUME
    assert other.type("1") == SUMMARY
    other.type(PIN)
    other.accepted()


@pytest.mark.parametrize("keys", [(), ("8", "00"), ("0",), ("6", "500", PIN)])
def test_where_nothing_broke_off_nobody_is_asked(house: House, awa: Phone, keys: tuple[str, ...]) -> None:
    awa.type(*keys)

    assert awa.dial().endswith(menu("en"))


def test_after_two_minutes_nobody_is_asked(house: House, awa: Phone) -> None:
    awa.type("6", "500")
    house.tick(RESUME_S + 1)

    assert awa.dial() == menu("en")


def test_a_page_of_a_list_is_gone_back_to(house: House, awa: Phone) -> None:
    for number in range(30):
        house.store.insert("services", _service(number))
    pages = [awa.type("3"), awa.type("#"), awa.type("#")]
    assert len(set(pages)) == 3

    awa.dial()
    assert awa.type("1") == pages[2]


def _service(number: int) -> Document:
    id = f"01a1fb37-7851-74c6-b28a-{number:012d}"
    return {"id": id, "name": f"Service {number}", "price": 100, "currency": "XOF", "state": "offered"}


def test_phones_never_see_each_others_session(house: House, awa: Phone) -> None:
    """Though the gateway gives both the same number."""
    kofi = Phone(house, gateway=awa.gateway).register("fr")
    awa.dial("same")
    kofi.dial("same")

    assert awa.type("6", "500") == SUMMARY
    assert kofi.type("8").startswith("Mon compte\n")
    assert awa.again() == SUMMARY
    awa.type(PIN)
    assert awa.accepted().request["msisdn"] == awa.msisdn
    assert kofi.again().startswith("Mon compte\n")
    assert kofi.operations() == []


def test_a_step_of_a_process_that_died_is_taken_over(house: House, worker: Worker, awa: Phone) -> None:
    """The PIN had been right and the payment accepted, but nobody was told."""
    awa.type("6", "500")
    before = session(awa)
    awa.type(PIN)
    (accepted,) = awa.operations()
    claimed = {**before, "claimed_at": before["at"], "version": session(awa)["version"]}
    house.store.replace(USSD_SESSIONS, claimed)

    slept: list[float] = []
    sessions: Sessions = house.app.extensions["ussd"]
    house.app.extensions["ussd"] = replace(sessions, sleep=slept.append)
    assert awa.again() == "One moment. Try again."
    assert 0.5 <= sum(slept) <= 2
    assert awa.over is False

    house.tick(CLAIM_S)
    awa.again()
    assert awa.accepted().id == accepted.id
    assert len(awa.operations()) == 1
    worker.run()
    assert balance(awa) == 500


@pytest.mark.parametrize("cut_at", range(14))
def test_while_the_store_is_down_nothing_is_told_and_nothing_is_done_twice(
    house: House, worker: Worker, awa: Phone, cut_at: int
) -> None:
    """It goes away after so many verbs of the step that pays, and is back when the gateway delivers it again."""
    awa.type("6", "500")
    failing = House(CutOff(house.store, cut_at), house.broker, house.clock, house.settings)  # type: ignore[arg-type]
    awa.typed.append(PIN)
    answer = deliver(move_in(failing), awa.gateway, awa.session, awa.msisdn, awa.typed)
    if answer.status_code != 200:
        assert_problem(answer, 503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    else:
        assert cut_at > 8

    move_in(house).tick(CLAIM_S)
    awa.again()
    awa.accepted()
    worker.run()
    assert len(house.store.find(OPERATIONS, {"kind": "wallet_top_up"})) == 1
    assert len(worker.sms(awa.msisdn)) == 1
    assert balance(awa) == 500


def test_no_pin_is_ever_written_down(house: House, worker: Worker, gateway: str) -> None:
    first, second, wrong, kofi = "835271", "946382", "739164", neighbour(house, "kofi")
    shop = merchant(house, kofi)
    written: list[Any] = []

    def look() -> None:
        written.append(everything(house.store))

    with capture_logs() as logs:
        phone = Phone(house, gateway=gateway)
        phone.dial()
        for key in ("2", first, first, "6", "900", wrong, first):
            phone.type(key)
            look()
        for flow in (
            ("8", "1", first, second, wrong, second),
            ("1", "kofi", "100", wrong, second),
            ("2", shop.code, "100", second),
            ("4", "AM-1", "100", second),
            ("1", "kofi", second, wrong, wrong.swapcase(), "00", "00"),
        ):
            worker.run()
            phone.dial()
            for key in flow:
                phone.type(key)
                look()
    written += [json.dumps(logs, default=str)]
    text = "\n".join(written)
    assert "kofi" in text
    for pin in (first, wrong):
        assert not re.search(rf"(?<![0-9A-Za-z]){pin}(?![0-9A-Za-z])", text)
    # It was typed as an amount once, and nowhere else
    assert text.count(f'"amount": {second}') > 0
    assert not re.search(rf"(?<![0-9A-Za-z]){second}(?![0-9A-Za-z])", text.replace(f'"amount": {second}', ""))


def test_who_is_suspended_gets_no_further(house: House, worker: Worker, awa: Phone) -> None:
    awa.type("6", "500")
    people(house).suspend(awa.person.id, True)
    assert awa.type(PIN) == "Not possible."
    assert awa.over
    assert awa.dial() == "Not possible."
    assert awa.over
    assert awa.operations() == []

    people(house).suspend(awa.person.id, False)
    assert awa.dial() == menu("en")


def test_who_may_not_be_paid_is_unknown(house: House, awa: Phone) -> None:
    kofi = neighbour(house, "kofi")
    people(house).suspend(kofi.person.id, True)

    assert awa.type("1", "kofi").startswith("Unknown.\n")


def test_a_person_of_the_web_keeps_name_and_wallet(house: House, worker: Worker, gateway: str) -> None:
    phone = Phone(house, gateway=gateway)
    known = house.person("Awa", msisdn=phone.msisdn, balance=300)
    phone.dial()
    assert phone.type("2") == "Is the account Awa yours?\n1 Yes\n2 No"
    phone.type("1", PIN, PIN)

    assert phone.type("5") == "Balance: 300 XOF"
    assert (phone.person.id, phone.person.username) == (known.id, "Awa")
    assert pins(house).verify(known.id, PIN)
    assert people(house).authenticate("awa", PASSWORD) == phone.person


def test_an_account_that_took_somebodys_phone_loses_it(house: House, gateway: str) -> None:
    """Whoever registers on the web may name any phone; who dials from it has proven whose it is."""
    phone = Phone(house, gateway=gateway)
    mallory = house.person("Mallory", msisdn=phone.msisdn)
    phone.dial()
    phone.type("2", "2", PIN, PIN)

    assert phone.type("5") == "Balance: 0 XOF"
    assert (phone.person.id == mallory.id, phone.person.username) == (False, None)
    assert people(house).get(mallory.id) == replace(people(house).find("mallory", "CI"), msisdn=None)


def test_of_who_registers_on_the_web_meanwhile_is_asked_too(house: House, gateway: str) -> None:
    phone = Phone(house, gateway=gateway)
    phone.dial()
    phone.type("2", PIN)
    known = house.person("Awa", msisdn=phone.msisdn)

    assert phone.type(PIN) == "Is the account Awa yours?\n1 Yes\n2 No"
    assert not phone.person.has_pin
    phone.type("1", PIN, PIN)
    assert (phone.person.id, phone.person.username, phone.person.has_pin) == (known.id, "Awa", True)


def test_a_fine_that_the_web_pays_already_holds_nobody_up(house: House, worker: Worker, awa: Phone) -> None:
    """The same payment was asked for by HTTP, where nobody is told by SMS."""
    fine = {"id": "AM-1", "amount": 700}
    house.pay({"msisdn": awa.msisdn, "currency": "XOF", "amount": 700, "amendes": [fine]})
    assert awa.type("4", "AM-1", "700", PIN).startswith("Accepted. Ref ")
    assert len(house.store.find(OPERATIONS, {"kind": "fine_payment"})) == 1

    assert awa.dial() == menu("en")
    worker.run()
    assert awa.dial() == menu("en")


def test_what_is_asked_for_twice_is_told_once(house: House, worker: Worker, awa: Phone) -> None:
    for _ in range(2):
        awa.type("4", "AM-1", "700", PIN)
        reference = awa.accepted().id[-8:]
        shown = awa.dial()
        assert shown.count(reference) == 1
    worker.run()

    assert awa.dial().count(reference) == 1
    assert len(worker.sms(awa.msisdn)) == 1


def test_what_is_new_is_told_of_the_last_three(house: House, worker: Worker, awa: Phone) -> None:
    refs = []
    for amount in ("100", "200", "300", "400"):
        awa.type("6", amount, PIN)
        refs.append(awa.accepted().id[-8:])
        awa.dial()
    worker.run()

    shown = awa.dial() + awa.type("#")
    assert [ref in shown for ref in refs] == [False, True, True, True]


def test_a_dial_leaves_one_document_a_phone(house: House, awa: Phone) -> None:
    before = count_all(house.store)
    for _ in range(5):
        awa.dial()
        awa.type("5", "0", "0")

    assert count_all(house.store) == before
