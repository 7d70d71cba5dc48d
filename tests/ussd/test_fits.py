"""Every text in every language: it is there, it fits on a screen or in an SMS, and it costs what it has to."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.pofile import read_po

from api.ussd.dialogue import Place, show, step
from api.ussd.fit import fits_screen, length, pages
from api.ussd.menu import FIRST
from api.ussd.screen import Ask, Menu, Talk
from api.ussd.sessions import MAX_NEWS, _resume_question
from core.ledger import Ledger, Movement
from core.money import MAX_MINOR, to_minor
from core.notices.languages import CATALOGUES, LANGUAGES, is_gsm7, plain, say_amount, translator
from core.notices.outcome import _SAID, Notification, outcome
from core.operation import Status, short_reference
from devtools.stack import ROOT
from products.services.catalogue import Catalogue
from tests.api.kit import House, build, menus
from tests.doubles import new_operation
from tests.test_house import all_errors
from tests.ussd.kit import neighbour, pins

NAMES = ("Jean-Françoise", "Conceição-João", "Александра-Ева", "N\u2019Guessan-Amoi", "Щ" * 32, "m" * 100)
"""Fourteen characters, of which some need two letters elsewhere; and the longest that there can be."""
LONGEST_AMOUNT = {"XOF": to_minor("10000000", "XOF"), "KWD": to_minor("9999999.999", "KWD")}
WHAT = ("Transfer", "Withdrawal", "Service", "Fine", "Top-up")
SMS_GSM7, SMS_UCS2 = 160, 70
SCREENS = menus().screens
SOURCES = [
    *(ROOT / "api/ussd").rglob("*.py"),
    *(ROOT / "api/auth").glob("*.py"),
    *(ROOT / "products").rglob("ussd*.py"),
    ROOT / "core/notices/outcome.py",
    *(ROOT / "core").glob("errors.py"),
    *(ROOT / "products").rglob("contract.py"),
    *(ROOT / "products").rglob("words.py"),
]


@cache
def nodes(path: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(path.read_text()))]


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """Of functions and methods of these names."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names:
            yield node


def words(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


@cache
def texts() -> frozenset[str]:
    """All texts of the code: what is given to `say` and `text`, what things are called, and tables of them."""
    found: set[str] = set()
    for path in SOURCES:
        for call in calls(path, "say", "text", "Pay"):
            found |= words(call.args[0]) if call.args else set()
        for call in calls(path, "Entry"):
            found |= words(call.args[1])
        for node in nodes(path):
            target = getattr(node, "target", None) or next(iter(getattr(node, "targets", [])), None)
            match getattr(target, "id", None), getattr(node, "value", None):
                case "_SAID", ast.Dict(values=values):
                    found |= {value.value for value in values}  # type: ignore[attr-defined]
                case "_UNDER_WAY" | "screen_text", ast.Constant(value=value):
                    found.add(str(value))
    return frozenset(found)


@cache
def wrongs() -> list[str]:
    """Every line of what may be wrong, in the words of the code: what a reading says, and errors of its rules."""
    said = {"Session over.", *(error.screen_text for error in all_errors())}
    return sorted(said.union(*(words(call) for path in SOURCES for call in calls(path, "Wrong"))))


def longest(lines: list[str]) -> list[str]:
    """The three longest of each number of lines, with and without letters that make a screen shorter."""
    alike: defaultdict[tuple[int, bool], list[str]] = defaultdict(list)
    for line in lines:
        alike[line.count("\n"), is_gsm7(line)].append(line)
    return [line for group in alike.values() for line in sorted(group, key=length)[-3:]]


def catalogue(code: str) -> dict[str, Any]:
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        return {str(message.id): message for message in read_po(file, locale=code) if message.id}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.fixture(params=list(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=list(LONGEST_AMOUNT))
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """Fifty services with long names, and somebody with as much as anybody has."""
    house = build(wallet_currency=request.param)
    offered = Catalogue(house.store, house.clock)
    for number in range(50):
        offered.create(NAMES[number % len(NAMES)], LONGEST_AMOUNT[request.param], request.param)
    yield house
    house.store.close()


@pytest.fixture
def talk(house: House, language: str) -> Talk:
    """With every value at its longest."""
    phone = neighbour(house)
    currency, amount = house.settings.wallet_currency, LONGEST_AMOUNT[house.settings.wallet_currency]
    house.fund(phone.person.id, amount * 9)
    ledger = Ledger(house.store, house.clock)
    ledger.hold(Movement(f"held-{phone.msisdn}", phone.person.id, "services", amount, currency, "service_payment"))
    for number in range(5):
        house.store.insert(
            "journal",
            {"id": f"{phone.msisdn}:{number}", "account": phone.person.id, "amount": -amount, "currency": currency}
            | {"operation": "of nothing", "at": "2026-11-21T10:00:00.000000Z"},
        )
    core = house.app.extensions["core"]
    data = {"amount": amount, "price": amount, "language": language, "news": news(house, language), "known": NAMES[0]}
    data["opens"] = True
    return Talk(core, pins(house), SCREENS, phone.msisdn, phone.person, language, data, "")


def news(house: House, language: str) -> list[str]:
    """The longest lines there are."""
    currency = house.settings.wallet_currency
    lines = {
        outcome(ended(what, status, currency, language)) for what in WHAT for status in (*_SAID, Status.NEEDS_REVIEW)
    }
    return sorted(lines, key=length)[-MAX_NEWS:]


def ended(what: str, status: Status, currency: str, language: str) -> Any:
    notification = Notification("+2250707000001", language, what, LONGEST_AMOUNT[currency], currency)
    return replace(
        new_operation(id="01a1fb37-7851-74c6-b28a-58f4b87a2511"), status=status, notification=vars(notification)
    )


def all_pages(talk: Talk, place: Place) -> list[str]:
    """By turning them until the first one comes again."""
    shown = [show(talk, place)]
    while (turned := step(talk, shown[-1].place or place, "#")).message != shown[0].message:
        shown.append(turned)
        assert len(shown) < 60
    return [page.message for page in shown]


def places(talk: Talk, name: str) -> Iterator[tuple[Talk, Place]]:
    """The screen with each of the names that it may show; those of services are in the catalogue."""
    for other in NAMES if isinstance(SCREENS[name], Ask) else NAMES[:1]:
        numbers = {"fine": "AM-2026-000123-X/77"}
        data = {**talk.data, **numbers, "to_name": other, "merchant_name": other, "service_name": other, "known": other}
        fines = [
            {"fine": f"AM-2026-{n:06}", "amount": talk.data["amount"], "currency": "XOF", "why": other}
            for n in range(20)
        ]
        data |= {"holder": other, "owed": fines, "found": fines, "silent": True, "asking": "an id"}
        yield replace(talk, data=data), Place(name, ("main",), data)


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_fits_with_whatever_is_wrong(talk: Talk, name: str) -> None:
    screen, lines_of_wrongs = SCREENS[name], longest([talk.say(wrong) for wrong in wrongs()])
    for filled, place in places(talk, name):
        for wrong in ["", *lines_of_wrongs]:
            message = show(filled, place, wrong).message
            assert fits_screen(message), message
            assert message.startswith(wrong)
            if isinstance(screen, Ask):
                # There are no pages of a question: it is all there at once
                lines = [*wrong.splitlines(), *screen.heading(filled).splitlines()]
                assert message.splitlines() == lines


@pytest.mark.parametrize("name", [name for name, screen in SCREENS.items() if isinstance(screen, Menu)])
def test_every_page_of_a_list_fits_and_nothing_is_left_out(talk: Talk, name: str) -> None:
    screen = SCREENS[name]
    assert isinstance(screen, Menu)
    talk, place = next(places(talk, name))
    found = all_pages(talk, place)

    assert all(map(fits_screen, found))
    turn = f"# {talk.say('More')}"
    assert all(page.endswith(f"\n{turn}") for page in found[:-1])
    listed = [line for page in found for line in page.splitlines() if line != turn]
    options = [f"{number} {option.label}" for number, option in enumerate(screen.options(talk), start=1)]
    assert listed == [*screen.heading(talk).splitlines(), *options]
    if name == "services":
        assert len(options) == 50
    if name.startswith("fines"):
        assert len(options) >= 20
    if name == FIRST:
        assert listed[:MAX_NEWS] == talk.data["news"]


def test_what_ends_a_dialogue_fits(talk: Talk) -> None:
    ref = short_reference("01a1fb37-7851-74c6-b28a-58f4b87a2511")
    ends = {text for path in SOURCES for call in calls(path, "End", "Shown") for text in words(call) & texts()}
    assert {"Goodbye.", "PIN changed.", "Accepted. Ref {ref}. You will get an SMS."} <= ends
    assert "Accepted. Ref {ref}. Dial again for the result." in ends

    for text in {*ends, *(error.screen_text for error in all_errors()), "One moment. Try again."}:
        assert fits_screen(talk.say(text, ref=ref)), text
    assert fits_screen(f"{talk.say('No such choice.')}\n{_resume_question(talk)}")


@pytest.mark.parametrize("currency", LONGEST_AMOUNT)
def test_an_outcome_is_one_sms(language: str, currency: str) -> None:
    for what, status in product(WHAT, (*_SAID, Status.NEEDS_REVIEW)):
        text = outcome(ended(what, status, currency, language))

        assert text.endswith("b87a2511")
        assert is_gsm7(text) == (language != "ru")
        assert length(text) <= (SMS_GSM7 if is_gsm7(text) else SMS_UCS2), text


def test_the_sms_of_a_locked_pin_is_one(talk: Talk) -> None:
    text = talk.say("Your PIN is locked for {minutes} minutes, after 3 wrong ones.", minutes="1440")

    assert length(text) <= (SMS_GSM7 if is_gsm7(text) else SMS_UCS2)


def test_the_largest_payment_of_all_still_fits(language: str) -> None:
    for what, status in product(WHAT, _SAID):
        notification = Notification("+2250707000001", language, what, MAX_MINOR, "XOF")
        line = outcome(replace(ended(what, status, "XOF", language), notification=vars(notification)))
        assert all(map(fits_screen, pages([line, line], translator(language)("More")))), line


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_the_catalogues_are_complete_and_hold_nothing_else(code: str) -> None:
    found = catalogue(code)

    assert set(found) == texts()
    for text, message in found.items():
        assert message.string, text
        assert not message.fuzzy, text
        assert fields(str(message.string)) == fields(text), text
        assert translator(code)(text) == message.string


def test_no_text_is_made_up_where_nobody_would_translate_it() -> None:
    """Each text that is no constant comes from a table that is read here, or was said before."""
    dynamic = {
        ast.unparse(call.args[0])
        for path in SOURCES
        for call in calls(path, "say", "text")
        if not isinstance(call.args[0], ast.Constant)
    }

    assert dynamic == {
        "words",
        "say",  # what each text of a code is given
        "entry.label",
        "error.screen_text",
        "notification.what",
        "_SAID.get(operation.status, _UNDER_WAY)",
    }


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "ru"])
def test_all_but_russian_is_cheap(code: str) -> None:
    for text in texts():
        assert is_gsm7(plain(translator(code)(text), code)), text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Élève à Noël, où l\u2019œuvre coûte ça", "Élève à Noel, où l'oeuvre coute ca"),
        ("«\u00a0Réf\u00a0» \u2013 Bénédicte\u2026", '" Réf " - Bénédicte...'),
        ("Conceição Araújo, ÇÃÕ, três opções", "Conceicao Araujo, ÇAO, tres opcoes"),
        ("Щукин, Юлия, Объём, Артём", "Shchukin, Iuliia, Obieem, Artem"),
        ("abc 123 @£$¥ [€]", "abc 123 @£$¥ [€]"),
        ("e\u0301", "é"),
        ("\U0001f600", "?"),
    ],
)
def test_letters_that_cost_half_a_screen_are_written_in_others(text: str, written: str) -> None:
    for code in ("fr", "en", "pt"):
        assert plain(text, code) == written
    assert is_gsm7(written)


def test_russian_keeps_its_letters() -> None:
    assert plain("Объём для Noël", "ru") == "Объём для Noël"


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (10_000_000, "XOF", {"fr": "10 000 000", "en": "10,000,000", "pt": "10.000.000", "ru": "10 000 000"}),
        (9_999_999_999, "KWD", {"fr": "9 999 999,999", "en": "9,999,999.999", "ru": "9 999 999,999"}),
        (12_345, "CLF", {"fr": "1,2345", "en": "1.2345"}),
    ],
)
def test_amounts_are_written_as_people_write_them_and_never_rounded(
    minor: int, currency: str, written: dict[str, str]
) -> None:
    for code, number in written.items():
        assert say_amount(minor, currency, code) == f"{number} {currency}"


def test_lengths_are_those_of_the_standard() -> None:
    assert length("a" * 182) == 182
    assert length("€") == 2
    assert length("я" * 80) == 80
    assert length("\U0001f600") == 2
    assert [fits_screen(text) for text in ("a" * 182, "a" * 183, "я" * 80, "я" * 81, "€" * 91, "€" * 92)] == [
        True,
        False,
    ] * 3
