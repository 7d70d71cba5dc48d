"""The phone's page in a real browser, against a real API."""

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from core.identity.people import People
from core.store.port import scan
from tests.api.kit import House
from tests.ussd.kit import Worker
from tests.ussd_phone.kit import GATEWAY, Phone

pytestmark = pytest.mark.xdist_group("browser")


def test_somebody_registers_looks_at_the_balance_and_ends_the_call(phone: Phone) -> None:
    # Given somebody who dials for the first time
    phone.dial()
    assert phone.message.splitlines()[1] == "2 English"
    phone.answer("2")
    phone.shows("Choose a PIN:")
    phone.answer("2589")
    phone.shows("The PIN again:")
    phone.answer("2589")
    phone.shows("1 Transfer money")

    # I expect the menu to lead on and back, and a call that is over to take no more keys
    phone.answer("5")
    phone.shows("Balance: 0 XOF")
    phone.answer("0")
    phone.shows("1 Transfer money")
    phone.answer("0")
    phone.shows("Goodbye.")
    phone.shows("Call ended")
    for name in ("Send", "Delete", "Hang up", "5"):
        expect(phone.page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    expect(phone.page.get_by_label("Your number")).to_be_enabled()


def test_every_flow_is_walked(housed_phone: Phone, known_house: House) -> None:
    # Given somebody with money
    phone, house = housed_phone, known_house
    phone.register()
    person = People(house.store, house.clock).of_phone(phone.number)
    assert person is not None
    house.fund(person.id, 10_000)

    # If every payment of the menu is made
    for keys in (
        ("1", "0707000002", "2500"),
        ("2", "123456", "1000"),
        ("3", "1"),
        ("4", "2", "20260001", "15000"),
        ("6", "5000"),
    ):
        for key in keys:
            phone.answer(key)
        phone.shows("PIN:")
        phone.answer("2589")
        phone.shows("Accepted. Ref ")
        phone.shows("Call ended")
        phone.dial()

    # I expect each to be accepted, and what only shows or changes the account to do so
    kinds = Counter(found["kind"] for found in scan(house.store, "operations", {}))
    paid = ("wallet_transfer", "wallet_withdrawal", "service_payment", "fine_payment", "wallet_top_up")
    assert kinds == {**dict.fromkeys(paid, 1), "fine_lookup": 2}
    steps: list[tuple[tuple[str, ...], str]] = [
        (("5",), "Balance: 10,000 XOF"),
        (("00", "7"), "+10,000 XOF"),
        (("00", "8", "2", "1"), "1 Transfert"),
        (("8", "1", "2589", "1397", "1397"), "PIN changé."),
    ]
    for typed, shown in steps:
        for key in typed:
            phone.answer(key)
        phone.shows(shown)


def test_a_call_is_one_session_and_the_next_one_another(phone: Phone) -> None:
    phone.register()
    expect(phone.page.get_by_label("Your number")).to_be_disabled()
    phone.key("Hang up")
    phone.shows("Call ended")
    phone.dial()

    sessions = [sent["sessionid"] for sent in phone.sent]
    assert len(set(sessions[:4])) == 1
    assert len(set(sessions)) == 2
    assert all(len(session) == 32 for session in sessions)
    assert {sent["msisdn"] for sent in phone.sent} == {phone.number}
    assert [sent["message"] for sent in phone.sent] == ["", "2", "2589", "2589", ""]
    assert all(set(sent) == {"sessionid", "msisdn", "message"} for sent in phone.sent)


def test_the_keyboard_is_enough(phone: Phone) -> None:
    # Given nobody who touches a mouse
    keyboard = phone.page.keyboard
    phone.page.get_by_label("Your number").press("Enter")
    phone.shows("On a call")

    # I expect digits, Backspace and Enter to do what the keys do
    keyboard.type("29")
    keyboard.press("Backspace")
    expect(phone.page.get_by_label("Answer")).to_have_value("2")
    keyboard.press("Enter")
    phone.shows("Choose a PIN:")

    # … also when the focus is elsewhere
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("2589")
    keyboard.press("Enter")
    phone.shows("The PIN again:")

    # … and Escape to hang up, from where Enter dials again
    keyboard.press("Escape")
    phone.shows("Call ended")
    keyboard.press("Enter")
    phone.shows("On a call")


def test_nothing_is_no_answer(phone: Phone) -> None:
    phone.dial()
    phone.key("Send")
    phone.page.get_by_label("Answer").fill("   ")
    phone.key("Send")

    assert len(phone.sent) == 1
    phone.answer("2")
    phone.shows("Choose a PIN:")


def test_delete_takes_back_what_is_before_the_caret(phone: Phone) -> None:
    phone.dial()
    field = phone.page.get_by_label("Answer")
    for key in ("1", "*", "#"):
        phone.key({"*": "star", "#": "hash"}.get(key, key))
    expect(field).to_have_value("1*#")

    field.press("ArrowLeft")
    phone.key("Delete")
    expect(field).to_have_value("1#")
    field.press("ControlOrMeta+a")
    phone.key("Delete")
    expect(field).to_have_value("")


def test_an_invalid_number_is_reported(phone: Phone) -> None:
    phone.expected.add("422")
    phone.page.get_by_label("Your number").fill("12")
    phone.key("Dial")

    phone.warns("Your number: Not a valid phone number.")
    expect(phone.page.get_by_label("Your number")).to_be_enabled()

    # I expect the next call to begin afresh
    phone.page.get_by_label("Your number").fill(phone.number)
    phone.dial()
    expect(phone.page.get_by_role("alert")).to_be_empty()


@pytest.mark.parametrize("arrives", [True, False])
def test_after_a_lost_answer_a_redial_resumes(phone: Phone, arrives: bool) -> None:
    # Given a connection that breaks, after the API has heard of it or before
    phone.expected.add("ERR_FAILED")
    phone.register()
    phone.answer("6")
    phone.shows("Amount:")

    def break_off(route: Route) -> None:
        if arrives:
            route.fetch()
        route.abort()

    phone.page.route(GATEWAY, break_off)
    phone.answer("500")
    phone.warns("The API does not answer. Is it running? Dial again, to go on where you were.")
    phone.shows("Call ended")

    # I expect nothing to be taken twice
    phone.page.unroute(GATEWAY)
    phone.dial()
    phone.shows("Go on where you were?")
    phone.answer("1")
    phone.shows("Top up 500 XOF." if arrives else "Amount:")
    expect(phone.page.get_by_role("alert")).to_be_empty()


def test_what_the_api_says_of_its_own_trouble_is_shown(phone: Phone) -> None:
    phone.expected.add("503")
    problem = {"status": 503, "code": "store_unavailable", "detail": "The store did not confirm."}
    phone.page.route(GATEWAY, lambda route: route.fulfill(status=503, json=problem))
    phone.key("Dial")
    phone.warns("The API answered 503: The store did not confirm. Dial again")

    # … and also what is no problem details
    phone.page.route(GATEWAY, lambda route: route.fulfill(status=503, body="<h1>no</h1>"))
    phone.key("Dial")
    phone.warns("The API answered 503: Service Unavailable")

    phone.page.unroute(GATEWAY)
    phone.dial()
    expect(phone.page.get_by_role("alert")).to_be_empty()


def test_an_answer_that_comes_after_the_call_is_not_shown(phone: Phone) -> None:
    # Given an answer that takes its time
    phone.expected.add("ERR_")
    phone.dial()
    waiting: list[Route] = []
    phone.page.route(GATEWAY, lambda route: waiting.append(route))  # noqa: PLW0108 (Playwright takes functions)
    phone.answer("2")
    phone.shows("One moment…")

    phone.key("Hang up")
    phone.page.unroute(GATEWAY)
    phone.dial()
    expect(phone.page.get_by_role("alert")).to_be_empty()
    phone.shows("2 English")


def test_sms_appear_while_the_page_is_open_and_an_inbox_that_is_away_hinders_nothing(
    housed_phone: Phone, known_house: House, tmp_path: Path
) -> None:
    # Given somebody whose top-up has ended
    phone, worker = housed_phone, Worker(known_house, tmp_path)
    inbox = phone.page.get_by_role("region", name="Messages to this number")
    expect(inbox.get_by_text("None yet.")).to_be_visible()
    phone.register()
    phone.expected.add("500")

    # I expect its SMS to come without a reload, after a look that was not answered
    phone.page.route("**/ussd/phone/inbox?*", lambda route: route.fulfill(status=500), times=1)
    for key in ("6", "500", "2589"):
        phone.answer(key)
    phone.shows("Accepted. Ref ")
    worker.run()
    expect(inbox.get_by_role("listitem")).to_contain_text(worker.sms(phone.number))
    expect(inbox.get_by_text("None yet.")).to_be_hidden()

    # And another number to have its own
    phone.page.get_by_label("Your number").fill("+2250707000002")
    phone.page.get_by_label("Your number").press("Tab")
    expect(inbox.get_by_text("None yet.")).to_be_visible()
    expect(inbox.get_by_role("listitem")).to_have_count(0)
