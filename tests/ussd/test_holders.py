"""Whose account a caller pays from: shown with the confirmation where the operator says it in time."""

from collections.abc import Callable, Iterator

import pytest

from api.http.waiting import WaitingRoom
from core.installed import DEFAULT, Installed
from core.operators import OperatorSettings, OperatorTable
from core.steps import StepState
from core.store.port import OPERATIONS
from products.payers.contract import HOLDER_STEP, PAYER_CHECK
from products.payers.process import payer_check
from products.payers.ussd import HOLDER_WITHIN_S
from tests.api.kit import House, build
from tests.doubles import PlayedDialect
from tests.ussd.kit import PIN, Phone, Worker, said
from worker.partners.operators.port import Holder, Operators
from worker.partners.port import Unavailable

ENTRIES = {"fine": ("4", "2", "AM-2026-1"), "top-up": ("6",)}
"""What leads to the question for an amount that a phone pays."""
NO_ACCOUNT = "No active mobile-money account on this phone."


class Knowing(PlayedDialect):
    """An operator that says who has an account."""

    answer: Holder | Unavailable = Holder(active=True, name="Awa Koné")

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[str] = []

    def holder(self, phone: str) -> Holder | Unavailable:
        self.looked_up.append(phone)
        return self.answer


def with_operator(dialect: str, installed: Installed = DEFAULT) -> House:
    table = OperatorTable((OperatorSettings("operator", dialect, "https://x"),), "operator")
    return build(installed=installed, operators=table)


@pytest.fixture
def house() -> Iterator[House]:
    house = with_operator("mtn")
    yield house
    house.store.close()


@pytest.fixture
def operator(house: House, worker: Worker) -> Knowing:
    """It is asked while the screen waits, as a worker would."""
    knowing = Knowing()
    worker.serve(payer_check(Operators(knowing.operators().by_name, "operator")))
    waits(house, lambda _: worker.run())
    return knowing


def waits(house: House, sleep: Callable[[float], None]) -> None:
    house.app.extensions["waiting"] = WaitingRoom(1, sleep)


def amount_typed(house: House, what: str, language: str = "en") -> Phone:
    phone = Phone(house).register(language)
    phone.type(*ENTRIES[what], "500")
    return phone


def checks(house: House) -> int:
    return len(house.store.find(OPERATIONS, {"kind": PAYER_CHECK.kind}))


@pytest.mark.parametrize("language", ["en", "fr", "pt", "ru"])
@pytest.mark.parametrize("what", ENTRIES)
def test_the_owner_is_shown_with_the_confirmation(house: House, operator: Knowing, what: str, language: str) -> None:
    phone = amount_typed(house, what, language)
    summary, owner, pin = phone.message.splitlines()
    assert "500 XOF" in summary
    assert (owner, pin) == ("Awa Koné", said(language, "PIN:"))
    assert operator.looked_up == [phone.msisdn]
    phone.type(PIN)
    assert phone.accepted().request["msisdn"] == phone.msisdn


@pytest.mark.parametrize("what", ENTRIES)
def test_an_account_that_cannot_pay_ends_the_dialogue(house: House, operator: Knowing, what: str) -> None:
    operator.answer = Holder(active=False)
    phone = amount_typed(house, what)
    assert (phone.message, phone.over) == (NO_ACCOUNT, True)
    assert phone.operations() == []


def test_a_long_name_is_cut(house: House, operator: Knowing) -> None:
    operator.answer = Holder(active=True, name="N\u2019Guessan-Amoin Konan")
    assert amount_typed(house, "top-up").message == "Top up 500 XOF.\nN'Guessan.\nPIN:"


@pytest.mark.parametrize("answer", [Holder(active=True), Unavailable("down")])
def test_without_a_name_the_payment_is_confirmed_all_the_same(
    house: House, operator: Knowing, answer: Holder | Unavailable
) -> None:
    operator.answer = answer
    phone = amount_typed(house, "top-up")
    assert phone.message == "Top up 500 XOF.\nPIN:"
    phone.type(PIN)
    assert phone.over


def test_an_operator_that_does_not_answer_is_waited_for_a_moment(house: House, operator: Knowing) -> None:
    waited: list[float] = []
    waits(house, waited.append)
    assert amount_typed(house, "top-up").message == "Top up 500 XOF.\nPIN:"
    assert sum(waited) == pytest.approx(HOLDER_WITHIN_S)
    assert HOLDER_WITHIN_S <= 3
    assert operator.looked_up == []


def test_callers_beyond_the_seats_do_not_wait(house: House, operator: Knowing) -> None:
    house.app.extensions["waiting"] = WaitingRoom(0, lambda _: pytest.fail("it has waited"))
    assert amount_typed(house, "top-up").message == "Top up 500 XOF.\nPIN:"


def test_the_owner_is_asked_for_once_in_a_session(house: House, operator: Knowing) -> None:
    phone = amount_typed(house, "top-up")
    phone.type("0", "700")
    assert phone.message == "Top up 700 XOF.\nAwa Koné\nPIN:"
    assert len(operator.looked_up) == 1


def test_a_step_that_is_delivered_again_while_it_waits_is_one_look_up(house: House, operator: Knowing) -> None:
    phone = Phone(house, gateway="africastalking").register()
    phone.type("6")
    again: list[str] = []

    def deliver_again(_: float) -> None:
        if not again:
            again.append("delivered")
            again.append(Phone.again(phone))

    waits(house, deliver_again)
    house.app.extensions["waiting"] = WaitingRoom(2, deliver_again)
    phone.type("500")
    assert checks(house) == 1
    assert phone.message == again[1] == "Top up 500 XOF.\nPIN:"


@pytest.mark.parametrize("dialect", ["generic", "airtel"])
def test_an_operator_that_knows_no_owners_is_not_asked(dialect: str) -> None:
    house = with_operator(dialect)
    assert amount_typed(house, "top-up").message == "Top up 500 XOF.\nPIN:"
    assert checks(house) == 0
    house.store.close()


def test_without_the_product_nobody_is_asked() -> None:
    house = with_operator("mtn", Installed(tuple(name for name in DEFAULT.packages if name != "products.payers")))
    assert amount_typed(house, "top-up").message == "Top up 500 XOF.\nPIN:"
    assert checks(house) == 0
    house.store.close()


def test_what_is_asked_is_stored_as_a_check_of_the_caller(house: House, operator: Knowing) -> None:
    phone = amount_typed(house, "fine")
    (found,) = house.store.find(OPERATIONS, {"kind": PAYER_CHECK.kind})
    assert (found["request"], found["client"]) == ({"msisdn": phone.msisdn}, phone.person.id)
    assert found["steps"][HOLDER_STEP]["state"] == StepState.DONE
