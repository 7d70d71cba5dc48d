"""Sessions: how long they last, where they go on, and that nobody sees another's."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.ussd.sessions import RESUME_S
from core.ids import new_id
from core.store.port import OPERATIONS, Document
from tests.api.kit import House, build, move_in
from tests.ussd.kit import (
    FORMATS,
    GATEWAYS,
    PIN,
    Phone,
    Worker,
    count_all,
    everything,
    menu,
    merchant,
    neighbour,
    people,
    pins,
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


def test_a_redial_soon_afterwards_asks_whether_to_resume(house: House, awa: Phone) -> None:
    awa.type("6", "500")
    house.tick(RESUME_S)

    assert awa.dial() == RESUME
    assert awa.again() == RESUME
    assert awa.type("3") == f"No such choice.\n{RESUME}"
    assert awa.type("") == f"No such choice.\n{RESUME}"
    assert awa.type("1") == SUMMARY
    awa.type(PIN)
    awa.accepted()


def test_a_caller_who_does_not_resume_begins_at_the_menu(awa: Phone) -> None:
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
def test_after_an_ended_session_the_menu_does_not_ask_to_resume(
    house: House, awa: Phone, keys: tuple[str, ...]
) -> None:
    awa.type(*keys)

    assert awa.dial().endswith(menu("en"))


@pytest.mark.parametrize("key", ["0", "00"])
def test_the_keys_that_go_back_lead_from_the_question_to_the_menu(awa: Phone, key: str) -> None:
    awa.type("6", "500")
    awa.dial()

    assert awa.type(key) == menu("en")
    assert awa.type("5") == "Balance: 0 XOF"


@pytest.mark.parametrize("key", ["5", "7"])
def test_after_a_look_the_menu_does_not_ask_to_resume(awa: Phone, key: str) -> None:
    awa.type(key)

    assert awa.dial() == menu("en")


def test_after_an_open_menu_the_next_dial_asks_to_resume(awa: Phone) -> None:
    assert awa.type("8").startswith("My account\n")

    assert awa.dial() == RESUME


@pytest.mark.parametrize("gateway", FORMATS, indirect=True)
@pytest.mark.parametrize(
    ("key", "screen"), [("6", AMOUNT), (" 5 ", "Balance: 0 XOF"), ("1", "Recipient (phone or name):")]
)
def test_a_session_may_begin_with_a_choice_of_the_main_menu(awa: Phone, key: str, screen: str) -> None:
    awa.session, awa.typed = new_id(), []

    assert awa.type(key) == screen
    assert awa.type("0") == menu("en")


def test_a_session_that_begins_with_a_choice_pays_as_any_other(awa: Phone, worker: Worker) -> None:
    awa.session, awa.typed = new_id(), []

    assert awa.type("6", "500") == SUMMARY
    assert awa.type(PIN).startswith("Accepted. Ref ")
    awa.accepted()


@pytest.mark.parametrize("key", ["0", "00", "9", "17", "#", "kofi", PIN])
def test_a_session_that_begins_with_something_else_shows_the_menu(awa: Phone, key: str) -> None:
    awa.session, awa.typed = new_id(), []

    assert awa.type(key) == f"Session over.\n{menu('en')}"
    assert not awa.over


def test_a_caller_without_a_pin_registers_whatever_the_session_begins_with(house: House, gateway: str) -> None:
    phone = Phone(house, gateway=gateway)
    phone.session = new_id()

    assert phone.type("1").startswith("1 Français\n2 English")


def test_news_waits_for_the_next_dial_when_a_session_begins_with_a_choice(awa: Phone) -> None:
    awa.type("6", "500", PIN)
    reference = awa.accepted().id[-8:]
    awa.session, awa.typed = new_id(), []

    assert awa.type("6") == AMOUNT
    awa.type("0", "0")
    assert reference in awa.dial()


def test_after_two_minutes_the_menu_does_not_ask_to_resume(house: House, awa: Phone) -> None:
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
            ("4", "2", "AM-1", "100", second),
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


def test_a_suspended_caller_gets_no_further(house: House, worker: Worker, awa: Phone) -> None:
    awa.type("6", "500")
    people(house).suspend(awa.person.id, True)
    assert awa.type(PIN) == "Not possible."
    assert awa.over
    assert awa.dial() == "Not possible."
    assert awa.over
    assert awa.operations() == []

    people(house).suspend(awa.person.id, False)
    assert awa.dial() == menu("en")


def test_a_recipient_who_may_not_be_paid_is_unknown(house: House, awa: Phone) -> None:
    kofi = neighbour(house, "kofi")
    people(house).suspend(kofi.person.id, True)

    assert awa.type("1", "kofi").startswith("Unknown.\n")


def test_a_person_of_the_web_keeps_name_and_wallet(house: House, worker: Worker, gateway: str) -> None:
    phone = Phone(house, gateway=gateway)
    account = house.person("Awa", msisdn=phone.msisdn, balance=300)
    phone.dial()
    assert phone.type("2") == "An account made on 2026-01-01 names this phone. Is it yours?\n1 Yes\n2 No"
    phone.type("1", PIN, PIN)

    assert phone.type("5") == "Balance: 300 XOF"
    assert (phone.person.id, phone.person.username) == (account.id, "Awa")
    assert pins(house).verify(account.id, PIN)


def test_an_account_that_took_somebodys_phone_loses_it(house: House, gateway: str) -> None:
    """A registration on the web may name any phone; a call from the phone proves whose it is."""
    phone = Phone(house, gateway=gateway)
    mallory = house.person("Mallory", msisdn=phone.msisdn)
    phone.dial()
    phone.type("2", "2", PIN, PIN)

    assert phone.type("5") == "Balance: 0 XOF"
    assert (phone.person.id == mallory.id, phone.person.username) == (False, None)
    found = people(house).find("mallory", "CI")
    assert found is not None
    assert people(house).get(mallory.id) == replace(found, msisdn=None)


def test_an_account_that_registers_meanwhile_is_asked_about_too(house: House, gateway: str) -> None:
    phone = Phone(house, gateway=gateway)
    phone.dial()
    phone.type("2", PIN)
    account = house.person("Awa", msisdn=phone.msisdn)

    assert phone.type(PIN) == "An account made on 2026-01-01 names this phone. Is it yours?\n1 Yes\n2 No"
    assert not phone.person.has_pin
    phone.type("1", PIN, PIN)
    assert (phone.person.id, phone.person.username, phone.person.has_pin) == (account.id, "Awa", True)


def test_a_fine_that_the_web_pays_already_holds_nobody_up(house: House, worker: Worker, awa: Phone) -> None:
    """The same payment was requested by HTTP, where no SMS is sent."""
    fine = {"id": "AM-1", "amount": 700}
    house.pay({"msisdn": awa.msisdn, "currency": "XOF", "amount": 700, "amendes": [fine]})
    assert awa.type("4", "2", "AM-1", "700", PIN).startswith("Accepted. Ref ")
    assert len(house.store.find(OPERATIONS, {"kind": "fine_payment"})) == 1

    assert awa.dial() == menu("en")
    worker.run()
    assert awa.dial() == menu("en")


def test_a_request_made_twice_is_reported_once(house: House, worker: Worker, awa: Phone) -> None:
    for _ in range(2):
        awa.type("4", "2", "AM-1", "700", PIN)
        reference = awa.accepted().id[-8:]
        shown = awa.dial()
        assert shown.count(reference) == 1
    worker.run()

    assert awa.dial().count(reference) == 1
    assert len(worker.sms(awa.msisdn)) == 1


def test_the_news_covers_the_last_three_operations(house: House, worker: Worker, awa: Phone) -> None:
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
