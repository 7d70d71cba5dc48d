"""Repeats and races: gateways deliver a step again, or twice at once, and it is taken once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.ussd.sessions import CLAIM_S, RETRIED_S, Sessions
from core.store.port import USSD_SESSIONS, Document, Store
from products.wallets.contract import SAME_WITHIN_S
from tests.api.kit import House, assert_problem, build, move_in
from tests.doubles import CutOff, open_sql
from tests.store.samples import at_once
from tests.ussd.kit import (
    FORMATS,
    NUMBERED,
    PIN,
    Phone,
    Worker,
    assert_sound,
    balance,
    deliver,
    menu,
    neighbour,
    read,
)

RACERS = 8
AMOUNT, SUMMARY = "Amount:", "Top up 500 XOF.\nPIN:"
RESUME = "Go on where you were?\n1 Yes\n2 No"


@pytest.fixture(params=FORMATS)
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def awa(house: House, gateway: str) -> Phone:
    """Registered, and at the main menu."""
    return Phone(house, gateway=gateway).register()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[House]:
    """On a store in which threads really are at once."""
    house = move_in(build(open_sql(f"sqlite:///{tmp_path}/store.sqlite")))
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
    return sum((found.get("pin_tries") or {"failed": 0})["failed"] for found in phone.house.store.find("people", {}))


def test_every_step_delivered_again_gets_the_same_answer(house: House, worker: Worker, gateway: str) -> None:
    """Without numbers, one that says something else where it led to is not recognized: a PIN that is chosen twice,
    a choice that is an amount as well, and the way back."""
    phone, kofi = Phone(house, gateway=gateway), neighbour(house, "kofi")
    recognized = {True: True, False: gateway in NUMBERED}
    for dial in (
        [("2", True), (PIN, False), (PIN, True), ("6", False), ("5000", True), (PIN, True)],
        [("1", True), ("kofi", True), ("700", True), (PIN, True)],
        [("5", True), ("0", False), ("9", True), ("0", True)],
    ):
        first = phone.dial()
        assert phone.again() == first
        for key, replayed in dial:
            shown = phone.type(key)
            if recognized[replayed]:
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


def test_the_same_payment_in_another_dialogue_is_another(house: House, worker: Worker, awa: Phone) -> None:
    for _ in range(2):
        awa.dial()
        awa.type("00", "6", "500", PIN)
        awa.accepted()
    worker.run()

    assert len(awa.operations()) == 2
    assert balance(awa) == 1000


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


def test_an_amount_equal_to_the_pin_is_confirmed_after_a_pause(house: House, awa: Phone) -> None:
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


def test_two_equal_mistakes_are_reported_twice(awa: Phone) -> None:
    shown = awa.type("6", "a lot")
    assert shown == f"Not an amount.\n{AMOUNT}"
    assert awa.type("a lot") == shown
    assert awa.type("500") == SUMMARY


@pytest.mark.slow
@pytest.mark.parametrize("keys", [("6",), ("6", "5000"), ("6", "500", PIN), ("6", "500", "9753"), ("0",)])
def test_of_the_same_step_many_times_at_once_one_is_taken(
    busy: House, tmp_path: Path, gateway: str, keys: tuple[str, ...]
) -> None:
    phone = Phone(busy, gateway=gateway).register()
    *before, last = keys
    phone.type(*before)

    answers = racing(phone, *[last] * RACERS)

    if gateway in NUMBERED or last != "6":  # which is an amount as well
        assert len(set(answers)) == 1, answers
    assert wrong_pins(phone) == (last == "9753")
    assert len(phone.operations()) == (last == PIN)
    worker = Worker(busy, tmp_path)
    worker.run()
    assert balance(phone) == 500 * (last == PIN)
    assert_sound(busy.store)


@pytest.mark.slow
def test_of_many_who_dial_at_once_from_one_phone_one_is_first(busy: House, gateway: str) -> None:
    phone = Phone(busy, gateway=gateway).register()
    phone.session, phone.typed = "another", []

    def dial(_: int) -> tuple[str, bool]:
        return read(deliver(busy, gateway, "another", phone.msisdn, []))

    assert set(at_once(dial, RACERS)) == {(menu("en"), False)}


@pytest.mark.slow
def test_who_registers_many_times_at_once_is_one_person(busy: House, gateway: str) -> None:
    phone = Phone(busy, gateway=gateway)
    phone.dial()
    phone.type("2", PIN)

    answers = racing(phone, *[PIN] * RACERS)

    assert (menu("en"), False) in answers
    assert [found["msisdn"] for found in busy.store.find("people", {})] == [phone.msisdn]
    assert len(busy.store.find("wallets", {})) == 1


@pytest.mark.slow
@pytest.mark.parametrize("keys", [("500", "700"), (PIN, "0"), (PIN, "9753"), ("00", "#"), ("9753", "8642")])
def test_of_two_different_steps_at_once_one_wins(busy: House, gateway: str, keys: tuple[str, str]) -> None:
    for _ in range(3):
        phone = Phone(busy, gateway=gateway).register()
        phone.type("6", *([] if keys[0] == "500" else ["500"]))
        answers = racing(phone, *keys)

        operations = phone.operations()
        assert len(operations) <= 1
        if gateway in NUMBERED:
            assert len(set(answers)) == 1, answers
            assert session(phone)["steps"] == len(phone.typed) + 1
        if operations:
            assert any(over and operations[0].id[-8:] in message for message, over in answers)


@pytest.mark.parametrize(("first", "second"), [("500", "700"), ("500", "0"), ("00", "500"), ("500", "500")])
def test_what_is_overtaken_by_another_step_leads_where_that_one_led(
    house: House, awa: Phone, first: str, second: str
) -> None:
    """It had been read, but not taken, when the other one was."""

    class Overtaken:
        def __init__(self, store: Store) -> None:
            self.store, self.over = store, False

        def __getattr__(self, verb: str) -> Any:
            return getattr(self.store, verb)

        def get(self, collection: str, id: str) -> Document | None:
            found = self.store.get(collection, id)
            if collection == USSD_SESSIONS and not self.over:
                self.over = True
                move_in(house)
                awa.type(first)
                move_in(slow)
            return found

    awa.type("6")
    slow = House(Overtaken(house.store), house.broker, house.clock, house.settings)
    message, _ = read(deliver(move_in(slow), awa.gateway, awa.session, awa.msisdn, [*awa.typed, second]))

    assert message == awa.message
    assert session(awa)["steps"] == 5


def test_a_step_of_a_process_that_died_is_taken_over(house: House, worker: Worker, awa: Phone) -> None:
    """The PIN had been right and the payment accepted, but no answer had reached the phone."""
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

    house.tick(CLAIM_S + SAME_WITHIN_S)
    awa.again()
    assert awa.accepted().id == accepted.id
    assert len(awa.operations()) == 1
    worker.run()
    assert balance(awa) == 500


@pytest.mark.slow
def test_a_step_that_fails_with_the_store_is_503_and_is_done_once(house: House, worker: Worker, gateway: str) -> None:
    """It goes away after so many verbs of the step that pays, and is back when the gateway delivers it again."""
    status = 503
    for cut_at in range(40):
        awa = Phone(house, gateway=gateway).register()
        awa.type("6", "500")
        failing = House(CutOff(house.store, cut_at), house.broker, house.clock, house.settings)
        awa.typed.append(PIN)
        answer = deliver(move_in(failing), awa.gateway, awa.session, awa.msisdn, awa.typed)
        status = answer.status_code
        if status != 200:
            assert_problem(answer, 503, "store_unavailable")
            assert int(answer.headers["Retry-After"]) > 0

        move_in(house).tick(CLAIM_S + SAME_WITHIN_S)
        awa.again()
        awa.accepted()
        assert len(awa.operations()) == 1
        worker.run()
        assert len(worker.sms(awa.msisdn)) == 1
        assert balance(awa) == 500
        if status == 200:
            break
    assert status == 200
    assert cut_at > 8


def test_a_gateway_may_use_the_id_of_a_session_again(house: House) -> None:
    phone = Phone(house, gateway="numbered").register()
    session = phone.session
    phone.type("0")
    assert phone.over

    assert phone.dial(session) == menu("en")
    assert phone.type("5") == "Balance: 0 XOF"


def test_a_session_on_a_screen_that_is_no_more_begins_anew(house: House, awa: Phone, gateway: str) -> None:
    phone = Phone(house, gateway=gateway).register()
    phone.type("5")
    for found in house.store.find(USSD_SESSIONS, {}):
        house.store.replace(USSD_SESSIONS, {**found, "place": {**found["place"], "screen": "of old"}})

    assert phone.type("1") == f"Session over.\n{menu('en')}"
    assert phone.type("5") == "Balance: 0 XOF"
