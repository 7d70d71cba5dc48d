"""Every flow of the menus, typed on a phone through both gateways in all four languages, to the end of the payment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.notices.languages import DEFAULT, LANGUAGES, say_amount
from core.operation import Operation, Status, short_reference
from core.phone import mask
from products.services.catalogue import Catalogue
from tests.api.kit import PASSWORD, House, build
from tests.ussd.kit import (
    GATEWAYS,
    PIN,
    Phone,
    Worker,
    assert_sound,
    balance,
    menu,
    merchant,
    neighbour,
    people,
    pins,
    said,
)
from worker.partners.port import Declined, Unavailable

SERVICES = 25
"""In the catalogue: more than two pages of them."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One for all tests: no caller knows another."""
    house = build()
    catalogue = Catalogue(house.store, house.clock)
    for number in range(SERVICES, 0, -1):  # the newest come first
        catalogue.create(f"Service {number}", 100 * number, "XOF")
    yield house
    assert_sound(house.store)
    house.store.close()


@pytest.fixture(scope="module")
def worker(house: House, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return Worker(house, Path(tmp_path_factory.mktemp("sms")))


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def awa(house: House, worker: Worker, gateway: str, language: str) -> Phone:
    """Registered, with 10,000 XOF, and at the main menu."""
    phone = Phone(house, gateway=gateway).register(language)
    worker.fund(phone, 10_000)
    phone.dial()
    phone.type("00")
    return phone


def amount(minor: int, language: str) -> str:
    return say_amount(minor, "XOF", language)


def asks_pin(language: str, summary: str, **values: object) -> str:
    return f"{said(language, summary, **values)}\n{said(language, 'PIN:')}"


def assert_reported(
    worker: Worker, phone: Phone, language: str, what: str, minor: int, how: str = "done", details: str = ""
) -> Operation:
    """The accepted operation is processed, and reported once by SMS and once at the next dial, with its reference.

    details: what the SMS says besides.
    """
    operation = phone.accepted()
    before = worker.sms(phone.msisdn)
    worker.run()
    outcome = f"{said(language, what)} {amount(minor, language)}: {said(language, how)}. "
    ref = f"{said(language, 'Ref')} {short_reference(operation.id)}"
    line = outcome + ref
    assert worker.sms(phone.msisdn) == [*before, f"{outcome}{details}{ref}"]
    assert phone.dial().startswith(f"{line}\n")
    assert line not in phone.dial()
    assert len(phone.operations()) == 1
    return phone.house.operation(operation.id)


def test_a_first_dial_asks_for_a_language_and_a_pin(house: House, gateway: str, language: str) -> None:
    phone = Phone(house, gateway=gateway)

    assert phone.dial() == "1 Français\n2 English\n3 Português\n4 Русский"
    assert phone.type(str([*LANGUAGES].index(language) + 1)) == said(language, "Welcome. Choose a PIN:")
    assert phone.type(PIN) == said(language, "The PIN again:")
    assert phone.type("2581") == f"{said(language, 'Not the same.')}\n{said(language, 'The PIN again:')}"
    assert people(house).of_phone(phone.msisdn) is None
    assert phone.type(PIN) == menu(language)

    assert (phone.person.username, phone.person.language, phone.person.has_pin) == (None, language, True)
    assert pins(house).verify(phone.person.id, PIN)
    assert balance(phone) == 0
    assert phone.dial() == menu(language)


def test_the_menu_is_the_one_that_was_promised(house: House) -> None:
    assert Phone(house).register("fr").message == (
        "1 Transfert\n2 Retrait\n3 Paiement de services\n4 Amendes\n5 Solde\n6 Recharger\n7 Mini-relevé\n8 Mon compte"
    )


@pytest.mark.parametrize("how", ["phone", "national", "username"])
def test_money_is_sent(house: House, worker: Worker, awa: Phone, language: str, how: str) -> None:
    named = how == "username"
    kofi = neighbour(house, f"kofi-{awa.msisdn[-4:]}" if named else None)
    recipient = str(kofi.person.username) if named else kofi.msisdn
    typed = recipient.removeprefix("+225") if how == "national" else recipient

    assert awa.type("1") == said(language, "Recipient (phone or name):")
    assert awa.type(typed) == said(language, "Amount:")
    summary = "Send {amount} to {name}."
    assert awa.type("2500") == asks_pin(language, summary, amount=amount(2500, language), name=recipient)
    awa.type(PIN)

    operation = assert_reported(worker, awa, language, "Transfer", 2500)
    assert (operation.kind, operation.status) == ("wallet_transfer", Status.SUCCEEDED)
    assert (balance(awa), balance(kofi)) == (7500, 2500)
    told = said(DEFAULT, "You got {amount} from {name}.", amount=amount(2500, DEFAULT), name=mask(awa.msisdn))
    assert worker.sms(kofi.msisdn) == [f"{told} {said(DEFAULT, 'Ref')} {short_reference(operation.id)}"]


def test_cash_is_withdrawn_at_a_merchant(house: House, worker: Worker, awa: Phone, language: str) -> None:
    owner = neighbour(house)
    shop = merchant(house, owner, "Chez Noël")

    assert awa.type("2") == said(language, "Merchant code:")
    assert awa.type(shop.code) == said(language, "Amount:")
    name = said(language, "Chez Noël")
    summary = "Withdraw {amount} at {name}."
    assert awa.type("4000") == asks_pin(language, summary, amount=amount(4000, language), name=name)
    awa.type(PIN)

    operation = assert_reported(worker, awa, language, "Withdrawal", 4000)
    assert (operation.kind, operation.status) == ("wallet_withdrawal", Status.SUCCEEDED)
    assert (balance(awa), balance(owner)) == (6000, 4000)
    told = said(DEFAULT, "Give {amount} in cash to {name}.", amount=amount(4000, DEFAULT), name=mask(awa.msisdn))
    assert worker.sms(owner.msisdn) == [f"{told} {said(DEFAULT, 'Ref')} {short_reference(operation.id)}"]


def test_a_service_is_paid_from_a_list_with_pages(worker: Worker, awa: Phone, language: str) -> None:
    pages = [awa.type("3")]
    while (page := awa.type("#")) != pages[0]:
        assert page not in pages
        pages.append(page)
    assert len(pages) > 2
    assert pages[0].startswith(f"{said(language, 'Services:')}\n1 Service 1 {amount(100, language)}\n")
    assert all(page.endswith(f"\n# {said(language, 'More')}") for page in pages[:-1])
    listed = [line for page in pages for line in page.splitlines() if line.split()[0].isdigit()]
    assert listed == [f"{n} Service {n} {amount(100 * n, language)}" for n in range(1, SERVICES + 1)]

    awa.type("#")
    assert awa.type("99").startswith(f"{said(language, 'No such choice.')}\n{said(language, 'Services:')}\n1 ")
    summary = "Pay {amount} for {name}."
    assert awa.type("13") == asks_pin(language, summary, amount=amount(1300, language), name="Service 13")
    awa.type(PIN)

    operation = assert_reported(worker, awa, language, "Service", 1300)
    assert (operation.kind, operation.status) == ("service_payment", Status.SUCCEEDED)
    assert balance(awa) == 8700


def test_a_fine_is_paid_from_the_phone(worker: Worker, awa: Phone, language: str) -> None:
    number = f"AM-{awa.msisdn[-8:]}"

    ways = f"1 {said(language, 'By plate')}\n2 {said(language, 'By number')}\n3 {said(language, 'Look again')}"
    assert awa.type("4") == f"{said(language, 'No list of fines now.')}\n{ways}"
    assert awa.type("2") == f"{said(language, 'No list of fines now.')}\n{said(language, 'Number of the fine:')}"
    assert awa.type(number.lower()) == said(language, "Amount on the ticket:")
    summary = "Pay fine {name}: {amount}."
    assert awa.type("15000") == asks_pin(language, summary, amount=amount(15000, language), name=number)
    awa.type(PIN)

    operation = assert_reported(worker, awa, language, "Fine", 15000, details=f"{number}. ")
    assert (operation.kind, operation.status) == ("fine_payment", Status.SUCCEEDED)
    assert operation.request["amendes"] == [{"id": number, "amount": 15000}]
    asked = [asked for asked in worker.partner.asked if number in asked or awa.msisdn in asked]
    assert asked[-3:] == [
        ("check", number, 15000, "XOF"), ("debit", awa.msisdn, 15000, "XOF"), ("settle", number, 15000, "XOF")
    ]  # fmt: skip
    assert balance(awa) == 10_000


def test_the_wallet_is_topped_up(worker: Worker, awa: Phone, language: str) -> None:
    assert awa.type("6") == said(language, "Amount:")
    assert awa.type("500") == asks_pin(language, "Top up {amount}.", amount=amount(500, language))
    awa.type(PIN)

    operation = assert_reported(worker, awa, language, "Top-up", 500)
    assert (operation.kind, operation.status) == ("wallet_top_up", Status.SUCCEEDED)
    assert worker.partner.asked[-1] == ("debit", awa.msisdn, 500, "XOF")
    assert balance(awa) == 10_500


def test_a_failure_is_shown_and_sent_too(worker: Worker, awa: Phone, language: str) -> None:
    worker.partner.replies["debit"] = Declined("insufficient_funds")
    awa.type("6", "500", PIN)

    operation = assert_reported(worker, awa, language, "Top-up", 500, "failed, no money taken")
    del worker.partner.replies["debit"]
    assert operation.status is Status.FAILED
    assert balance(awa) == 10_000


def test_a_refund_is_shown_and_sent_too(worker: Worker, awa: Phone, language: str) -> None:
    worker.partner.replies["settle"] = Declined("cancelled")
    awa.type("4", "2", f"AM-{awa.msisdn[-8:]}", "700", PIN)

    why = said(language, "{fine}: {why}", fine=f"AM-{awa.msisdn[-8:]}", why=said(language, "it is cancelled"))
    assert_reported(worker, awa, language, "Fine", 700, "failed, money given back", f"{why}. ")
    del worker.partner.replies["settle"]
    assert worker.partner.asked[-1] == ("refund", awa.msisdn, 700, "XOF")


def test_what_is_under_way_is_shown_until_it_has_ended(house: House, worker: Worker, awa: Phone, language: str) -> None:
    awa.type("6", "500", PIN)
    under_way = f"{said(language, 'Top-up')} {amount(500, language)}: {said(language, 'under way')}. "

    for _ in range(2):
        assert awa.dial().startswith(under_way)
    worker.run()
    assert f": {said(language, 'done')}. " in awa.dial()
    assert "500" not in awa.dial()


def test_the_balance_is_shown_with_what_is_held(house: House, worker: Worker, awa: Phone, language: str) -> None:
    assert awa.type("5") == said(language, "Balance: {amount}", amount=amount(10_000, language))
    worker.partner.replies["check"] = Unavailable("of both screenings")
    awa.type("00", "3", "25", PIN)
    worker.run()

    awa.dial()
    assert awa.type("5") == "\n".join(
        (
            said(language, "Balance: {amount}", amount=amount(7_500, language)),
            said(language, "Held: {amount}", amount=amount(2_500, language)),
        )
    )
    del worker.partner.replies["check"]
    house.tick(60)
    worker.run()
    assert balance(awa) == 7_500


def test_the_statement_lists_what_came_and_went(house: House, worker: Worker, gateway: str, language: str) -> None:
    phone = Phone(house, gateway=gateway).register(language)
    assert phone.type("7") == said(language, "Nothing yet.")

    worker.fund(phone, 10_000)
    kofi = neighbour(house)
    phone.type("0", "1", kofi.msisdn, "2500", PIN)
    worker.run()
    phone.dial()
    day = f"{house.clock.now():%d/%m}"
    assert phone.type("7") == f"{day} -{amount(2500, language)}\n{day} +{amount(10_000, language)}"


def test_the_pin_is_changed(house: House, awa: Phone, language: str) -> None:
    account = f"1 {said(language, 'Change PIN')}\n2 {said(language, 'Language')}"
    assert awa.type("8") == f"{said(language, 'My account')}\n{account}"
    assert awa.type("1") == said(language, "PIN:")
    assert awa.type("9741") == f"{said(language, 'Wrong PIN.')}\n{said(language, 'PIN:')}"
    assert awa.type(PIN) == said(language, "New PIN:")
    assert awa.type("1234") == f"{said(language, 'Too easy.')}\n{said(language, 'New PIN:')}"
    assert awa.type("9741") == said(language, "The PIN again:")
    assert pins(house).verify(awa.person.id, PIN)
    assert awa.type("9741") == said(language, "PIN changed.")

    assert awa.over
    assert not pins(house).verify(awa.person.id, PIN)
    assert pins(house).verify(awa.person.id, "9741")


def test_the_language_is_changed_and_kept(house: House, awa: Phone, language: str) -> None:
    other = "fr" if language == "ru" else "ru"

    assert awa.type("8", "2").splitlines() == [f"{n} {name}" for n, name in enumerate(LANGUAGES.values(), start=1)]
    assert awa.type(str([*LANGUAGES].index(other) + 1)) == menu(other)
    assert awa.type("5").startswith(said(other, "Balance: {amount}", amount=""))

    assert awa.person.language == other
    awa.type("0", "6")
    assert awa.dial() == f"{said(other, 'Go on where you were?')}\n1 {said(other, 'Yes')}\n2 {said(other, 'No')}"


def test_the_caller_goes_back_to_the_top_and_out(awa: Phone, language: str) -> None:
    recipient, goodbye = said(language, "Recipient (phone or name):"), said(language, "Goodbye.")

    assert awa.type("8", "1", "0").startswith(said(language, "My account"))
    assert awa.type("0") == menu(language)
    awa.type("1", "0707000001")
    assert awa.type("0") == menu(language)  # nobody has that phone: it was still the first screen
    assert awa.type("6", "500", "0") == said(language, "Amount:")
    assert awa.type("00") == menu(language)
    assert awa.type("1") == recipient
    assert awa.type("00", "0") == goodbye
    assert awa.over
    assert awa.operations() == []


def test_a_payment_beyond_the_balance_is_refused_at_once(house: House, awa: Phone, language: str) -> None:
    shop = merchant(house, neighbour(house))
    poor = said(language, "Not enough money.")

    assert awa.type("1", neighbour(house).msisdn, "10001", PIN) == poor
    assert awa.over
    awa.dial()
    assert awa.type("2", shop.code, "10001", PIN) == poor
    dear = Catalogue(house.store, house.clock).create("Dear", 10_001, "XOF")
    awa.dial()
    assert awa.type("3", "1", PIN) == poor
    Catalogue(house.store, house.clock).change(dear.id, state="retired")
    assert awa.operations() == []


def test_a_person_of_the_web_is_the_same_on_the_phone(
    house: House, worker: Worker, gateway: str, language: str
) -> None:
    phone = Phone(house, gateway=gateway)
    account = people(house).register(f"web-{phone.msisdn[-5:]}-{gateway[0]}", PASSWORD, phone.msisdn)

    assert phone.dial() == "1 Français\n2 English\n3 Português\n4 Русский"
    phone.type(str([*LANGUAGES].index(language) + 1), "1", PIN, PIN)

    assert (phone.person.id, phone.person.username) == (account.id, account.username)
    assert (phone.person.language, phone.person.has_pin) == (language, True)
    worker.fund(phone, 300)
    assert amount(300, language) in phone.type("5")
