"""PINs: which ones may be chosen, and how little somebody gets who guesses."""

import json
from collections.abc import Iterator

import pytest

from api.ussd import common
from core.errors import StoreUnavailable, TooManyAttempts
from core.identity.guessable import is_weak_pin
from core.identity.passwords import Passwords
from core.identity.people import People
from core.identity.pins import LOCKS_MIN, MAX_WRONG_PINS, Pins, is_pin
from core.notices.languages import LANGUAGES
from core.store.port import Store
from tests.api.kit import CHEAP, House
from tests.doubles import CutOff, FakeClock, open_sql
from tests.ussd.kit import GATEWAYS, PIN, Phone, Worker, pins, said

LOCKED_S = LOCKS_MIN[0] * 60
PEPPER = "fedcba9876543210" * 4
MISTAKES = ("9753", "8642", "7531")
LOCKED = "Your PIN is locked for {minutes} minutes, after 3 wrong ones."
SUMMARY = "Top up 500 XOF.\nPIN:"


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_sql("sqlite://")
    yield store
    store.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def kept(store: Store, clock: FakeClock, pepper: str = PEPPER) -> Pins:
    return Pins(store, clock, pepper, Passwords(CHEAP))


@pytest.fixture
def person(store: Store, clock: FakeClock) -> str:
    """The id of somebody whose PIN is PIN."""
    pin = kept(store, clock).hash(PIN)
    return People(store, clock, Passwords(CHEAP)).register(None, None, "+2250707000001", pin=pin).id


@pytest.fixture(params=GATEWAYS)
def awa(house: House, request: pytest.FixtureRequest) -> Phone:
    """About to pay."""
    phone = Phone(house, gateway=request.param).register()
    phone.type("6", "500")
    return phone


@pytest.mark.parametrize(
    "pin",
    [
        *("0000", "9999", "111111", "1234", "0123", "12345", "123456", "6789", "7890", "4321", "9876", "654321"),
        *("2580", "0852", "1212", "0101", "1122", "1990", "2000", "0007", "1313", "6969", "112233", "121212", "1221"),
        "0707",  # of the phone itself
    ],
)
def test_what_is_tried_first_is_too_easy(house: House, pin: str) -> None:
    phone = Phone(house, "+2250707000001")
    assert is_weak_pin(pin, phone.msisdn)
    phone.dial()

    assert phone.type("2", pin) == "Too easy.\nWelcome. Choose a PIN:"
    assert phone.type(PIN) == "The PIN again:"


@pytest.mark.parametrize("pin", [PIN, "8352", "47291", "604183"])
def test_others_will_do(pin: str) -> None:
    assert is_pin(pin)
    assert not is_weak_pin(pin, "+2250707000001")


def test_most_pins_will_do() -> None:
    assert 8500 < sum(not is_weak_pin(f"{number:04}", "+2250707000001") for number in range(10_000)) < 9900


@pytest.mark.parametrize(
    "pin",
    ["", "123", "258", "2589147", "25 80", "abcd", "2589a", "-2589", "2589\n", "\u0662\u0665\u0668\u0660", "²²²²"],
)
def test_four_to_six_digits_are_a_pin_and_nothing_else(house: House, pin: str) -> None:
    assert not is_pin(pin)
    phone = Phone(house)
    phone.dial()
    phone.type("2")

    shown = phone.type(pin)
    if pin.strip() != PIN:
        assert shown in ("4 to 6 digits.\nWelcome. Choose a PIN:", "Nothing typed.\nWelcome. Choose a PIN:")


def test_three_wrong_ones_lock_it_for_half_an_hour(house: House, worker: Worker, awa: Phone) -> None:
    for wrong in MISTAKES[:2]:
        assert awa.type(wrong) == f"Wrong PIN.\n{SUMMARY}"
    assert awa.type(MISTAKES[2]) == f"PIN locked.\n{SUMMARY}"
    assert awa.type(PIN) == f"PIN locked.\n{SUMMARY}"

    house.tick(LOCKED_S - 1)
    awa.dial()
    assert awa.type("6", "500", PIN) == f"PIN locked.\n{SUMMARY}"
    assert awa.operations() == []
    house.tick(1)
    awa.dial()
    awa.type("1", PIN)
    awa.accepted()


def test_looking_at_a_locked_one_does_not_lock_it_longer(house: House, awa: Phone) -> None:
    awa.type(*MISTAKES)
    for _ in range(9):
        house.tick(LOCKED_S / 10)
        awa.dial()
        assert awa.type("6", "500", PIN).startswith("PIN locked.")
    house.tick(LOCKED_S / 10)
    awa.dial()
    awa.type("6", "500", PIN)
    awa.accepted()


def test_the_right_one_forgets_the_wrong_ones(house: House, awa: Phone) -> None:
    for _ in range(3):
        awa.type(*MISTAKES[:2], PIN)
        awa.accepted()
        assert not pins(house).locked_min(awa.person.id)
        awa.dial()
        awa.type("6", "500")


def test_what_is_no_pin_is_not_counted(house: House, awa: Phone) -> None:
    awa.type("abc", "1", "12345678", "", "\U0001f511", "x" * 10_000)

    assert (house.store.get("people", awa.person.id) or {}).get("pin_tries") is None
    awa.type(PIN)
    awa.accepted()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_owner_of_a_locked_pin_gets_one_sms(house: House, worker: Worker, language: str) -> None:
    phone = Phone(house).register(language)
    phone.type("8", "1", *MISTAKES)
    assert phone.again() == phone.message
    phone.type(PIN, "9999")
    worker.run()

    assert worker.sms(phone.msisdn) == [said(language, LOCKED, minutes=30)]

    house.tick(LOCKED_S)
    phone.dial()
    phone.type("8", "1", *MISTAKES)
    worker.run()
    assert worker.sms(phone.msisdn)[1:] == [said(language, LOCKED, minutes=60)]


def test_a_locked_one_is_locked_for_all_that_needs_it(house: House, awa: Phone) -> None:
    awa.type(*MISTAKES, "00")

    assert awa.type("8", "1", PIN) == "PIN locked.\nPIN:"
    assert awa.type("00", "4", "2", "AM-1", "100", PIN).startswith("PIN locked.\n")
    assert awa.type("00", "5") == "Balance: 0 XOF"


def test_locks_are_each_persons_own(house: House, awa: Phone) -> None:
    awa.type(*MISTAKES)
    kofi = Phone(house).register()

    kofi.type("6", "500", PIN)
    kofi.accepted()
    assert pins(house).locked_min(awa.person.id)
    assert not pins(house).locked_min(kofi.person.id)


def test_one_guess_at_each_of_many_phones_stops_the_gateway(
    house: House, awa: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "WRONG_PINS", (3, 900))
    others = [Phone(house, gateway=awa.gateway).register() for _ in range(3)]
    for phone in others:
        phone.type("6", "500")
        assert phone.type(MISTAKES[0]).startswith("Wrong PIN.")

    assert awa.type(PIN) == f"Not possible now.\n{SUMMARY}"
    [other] = [name for name in GATEWAYS if name != awa.gateway][:1]
    elsewhere = Phone(house, gateway=other).register()
    elsewhere.type("6", "500", PIN)
    elsewhere.accepted()
    house.tick(900)
    awa.dial()
    awa.type("6", "500", PIN)
    awa.accepted()


def test_it_can_be_unlocked_before_that(house: House, awa: Phone) -> None:
    awa.type(*MISTAKES)
    assert pins(house).locked_min(awa.person.id)
    pins(house).unlock(awa.person.id)

    assert not pins(house).locked_min(awa.person.id)
    awa.type(PIN)
    awa.accepted()


def test_an_attempt_is_counted_before_it_is_looked_at(store: Store, clock: FakeClock, person: str) -> None:
    """Who cuts the power in between gains no attempt."""
    for verbs in (2, 2, 2):
        with pytest.raises(StoreUnavailable):
            kept(CutOff(store, verbs), clock).verify(person, PIN)

    with pytest.raises(TooManyAttempts):
        kept(store, clock).verify(person, PIN)
    clock.tick(LOCKED_S)
    assert kept(store, clock).verify(person, PIN)


def test_so_many_may_be_wrong_and_no_more(store: Store, clock: FakeClock, person: str) -> None:
    assert [kept(store, clock).verify(person, wrong) for wrong in MISTAKES] == [False] * MAX_WRONG_PINS
    assert kept(store, clock).locked_min(person)
    with pytest.raises(TooManyAttempts) as refused:
        kept(store, clock).verify(person, PIN)
    assert 0 < refused.value.retry_after_s <= LOCKED_S + 1


def test_each_lock_is_twice_as_long_until_a_person_has_to_end_it(store: Store, clock: FakeClock, person: str) -> None:
    for minutes in LOCKS_MIN:
        assert [kept(store, clock).verify(person, wrong) for wrong in MISTAKES] == [False] * MAX_WRONG_PINS
        assert kept(store, clock).locked_min(person) == minutes
        clock.tick(minutes * 60 - 1)
        with pytest.raises(TooManyAttempts):
            kept(store, clock).verify(person, PIN)
        clock.tick(1)
    for wrong in MISTAKES:
        assert not kept(store, clock).verify(person, wrong)
    assert kept(store, clock).locked_min(person) == -1
    clock.tick(400 * 24 * 3600)
    with pytest.raises(TooManyAttempts):
        kept(store, clock).verify(person, PIN)
    kept(store, clock).unlock(person)
    assert kept(store, clock).verify(person, PIN)
    assert LOCKS_MIN == (30, 60, 120, 240, 480, 960, 1440)


def test_the_right_one_makes_the_next_lock_short_again(store: Store, clock: FakeClock, person: str) -> None:
    for _ in range(3):
        for wrong in MISTAKES:
            kept(store, clock).verify(person, wrong)
        assert kept(store, clock).locked_min(person) == 30
        clock.tick(LOCKED_S)
        assert kept(store, clock).verify(person, PIN)


def test_without_the_pepper_the_right_one_is_wrong(store: Store, clock: FakeClock, person: str) -> None:
    assert kept(store, clock).verify(person, PIN)
    assert not kept(store, clock, "another pepper, which is as long").verify(person, PIN)
    hashed = (store.get("people", person) or {})["pin"]
    assert not Passwords(CHEAP).verify(hashed, PIN)


def test_it_is_kept_as_argon2id(store: Store, clock: FakeClock) -> None:
    strong = Pins(store, clock, PEPPER)

    assert strong.hash(PIN).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert strong.hash(PIN) != strong.hash(PIN)


def test_who_has_none_has_no_right_one(store: Store, clock: FakeClock) -> None:
    nobody = People(store, clock, Passwords(CHEAP)).register("awa", "correct horse battery")

    assert not kept(store, clock).verify(nobody.id, PIN)
    assert not kept(store, clock).verify("nobody at all", PIN)
    assert "correct horse" not in json.dumps(store.find("people", {}))
