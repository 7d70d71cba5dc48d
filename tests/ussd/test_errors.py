"""Errors of products' rules become a sentence on the screen, in the caller's language; no session dies of one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from api.ussd.common import ask, confirm
from api.ussd.menu import Menus
from api.ussd.screen import PASSED_ON, Entry, Pay, Screen, Talk, text
from core.accept import Command
from core.errors import ForbiddenTransition, NotFound, QuittanceError, StoreUnavailable
from core.installed import DEFAULT
from core.notices.languages import LANGUAGES
from products.wallets.contract import top_up
from tests.api.kit import House, build, move_in
from tests.doubles import lent_sql
from tests.test_house import all_errors
from tests.ussd.kit import MENU, PIN, Phone, deliver, said

ERRORS = sorted(
    (error for error in all_errors() if not issubclass(error, StoreUnavailable)), key=lambda error: error.__name__
)
"""All but those that tell the gateway to deliver the step again."""
PLACES = ("question", "screen", "payment", "check")
LAST = str(len(MENU) + 1)


def made(error: type[QuittanceError]) -> QuittanceError:
    """One of this class, however its own constructor is called."""
    one = error.__new__(error)
    QuittanceError.__init__(one)
    return one


@dataclass
class Product:
    """A product whose rule raises an error in one of its places."""

    error: type[QuittanceError] = NotFound
    place: str = ""

    def rule(self, place: str) -> None:
        if place == self.place:
            raise made(self.error)

    def entry(self) -> Entry:
        return Entry(90, "Fines", "rule.question", self._screens())

    def _screens(self) -> tuple[Screen, ...]:
        return (
            ask("rule.question", text("Amount:"), self._read, "rule.pin"),
            confirm("rule.pin", self._summary, self._pay),
        )

    def _read(self, talk: Talk, typed: str) -> dict[str, object]:
        self.rule("question")
        return {"amount": int(typed)}

    def _summary(self, talk: Talk) -> str:
        self.rule("screen")
        return "?"

    def _pay(self, talk: Talk) -> Pay:
        self.rule("payment")
        command: Command = top_up(talk.core, talk.me, talk.data["amount"], talk.currency)
        return Pay("Fine", command, talk.data["amount"], talk.currency, lambda: self.rule("check"))


@pytest.fixture
def product() -> Product:
    return Product()


@pytest.fixture
def house(product: Product) -> Iterator[House]:
    with lent_sql() as store:
        house = move_in(build(store), sleep=lambda _: None)
        ussd = house.app.extensions["ussd"]
        entries = [*DEFAULT.members("ussd", "ENTRIES"), product.entry()]
        house.app.extensions["ussd"] = replace(ussd, menus=Menus(entries))
        yield house


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_is_a_sentence_on_the_screen(house: House, product: Product, language: str, place: str) -> None:
    phone = Phone(house).register(language)
    for error in ERRORS:
        product.error, product.place = error, ""
        house.tick(1000)
        phone.dial()
        assert phone.type(LAST) == said(language, "Amount:"), error
        product.place = place
        with capture_logs():
            shown = phone.type("500") if place in ("question", "screen") else phone.type("500", PIN)

        sentence = said(language, error.screen_text)
        assert shown.splitlines()[0] == sentence, error
        again = [said(language, "Amount:")] if place == "question" and not issubclass(error, PASSED_ON) else []
        assert shown.splitlines()[1:] == again
        assert phone.over is not (bool(again) or issubclass(error, PASSED_ON))
    assert phone.operations() == []


def test_a_bug_of_ours_is_logged_and_a_refusal_is_not(house: House, product: Product) -> None:
    phone = Phone(house).register("en")
    phone.type(LAST)
    product.place = "question"
    for typed, error, logged in (("1", NotFound, []), ("2", ForbiddenTransition, ["ussd_step_failed"])):
        product.error = error
        with capture_logs() as logs:
            phone.type(typed)
        assert [line["event"] for line in logs] == [*logged, "request"]


def test_after_an_error_that_passes_the_same_session_goes_on(house: House, product: Product) -> None:
    phone = Phone(house).register("en")
    product.error, product.place = NotFound, "question"

    assert phone.type(LAST, "500") == "Unknown.\nAmount:"
    product.place = ""
    assert phone.type("501", PIN).startswith("Accepted. ")


def test_a_store_that_is_away_is_a_503_and_the_step_can_be_delivered_again(house: House, product: Product) -> None:
    phone = Phone(house).register("en")
    phone.type(LAST, "500")
    product.error, product.place = StoreUnavailable, "check"
    phone.typed.append(PIN)
    assert deliver(house, phone.gateway, phone.session, phone.msisdn, phone.typed).status_code == 503

    product.place = ""
    house.tick(10)
    assert phone.again().startswith("Accepted. ")
