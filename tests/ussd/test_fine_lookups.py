"""Fines by USSD: those that the registry lists for the phone or a plate, and a number that is typed in digits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.http.waiting import WaitingRoom
from core.store.port import OPERATIONS
from products.fines.contract import FINE_PAYMENT, FinesSettings
from products.fines.lookup import FINE_LOOKUP
from products.fines.process import fine_lookup
from products.fines.ussd_lookup import FINES_WITHIN_S, TYPED
from tests.api.kit import House, build
from tests.ussd.kit import PIN, Phone, Worker, menu
from worker.partners.port import Declined, Unavailable
from worker.partners.registry import KnownFine

OWED = KnownFine("AM-2026-000123", 15000, "XOF", "due", "Excès de vitesse", "2026-04-12", "AB123CD")
PAID = KnownFine("AM-2026-000124", 10000, "XOF", "paid")
WAYS = "1 By plate\n2 By number"


class KnowingRegistry:
    """It owes a phone and a plate the same fines."""

    breaker = None

    def __init__(self) -> None:
        self.fines = [OWED, PAID]
        self.refusal: Declined | Unavailable | None = None
        self.asked: list[Any] = []

    def owed(self, **by: str) -> list[KnownFine] | Declined | Unavailable:
        self.asked.append(by)
        return self.refusal or self.fines

    def show(self, fine: str) -> list[KnownFine] | Unavailable:
        self.asked.append(fine)
        return [each for each in self.fines if each.id == fine]


@pytest.fixture
def house() -> Iterator[House]:
    house = build(None, None, FinesSettings("http://registry.invalid", "XOF", "AM-####-######"))
    yield house
    house.store.close()


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Worker:
    return Worker(house, tmp_path)


@pytest.fixture
def registry(house: House, worker: Worker) -> KnowingRegistry:
    """It is asked while the screen waits, as a worker would."""
    knowing = KnowingRegistry()
    worker.serve(fine_lookup(knowing))  # type: ignore[arg-type]
    house.app.extensions["waiting"] = WaitingRoom(1, lambda _: worker.run())
    return knowing


@pytest.fixture
def awa(house: House, registry: KnowingRegistry) -> Phone:
    phone = Phone(house).register()
    assert registry.asked == []
    return phone


def test_a_fine_of_the_phone_is_chosen_and_paid_without_typing_its_amount(
    house: House, worker: Worker, registry: KnowingRegistry, awa: Phone
) -> None:
    assert awa.type("4") == ("Fines to pay:\n1 AM-2026-000123 15,000 XOF Excès de vite.\n2 By plate\n3 By number")
    assert registry.asked == [{"msisdn": awa.msisdn}]
    assert awa.type("1") == "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"
    awa.type(PIN)
    assert awa.accepted().request["amendes"] == [{"id": OWED.id, "amount": 15000}]
    (found,) = house.store.find(OPERATIONS, {"kind": FINE_LOOKUP.kind})
    assert (found["client"], found["subject"]) == (awa.person.id, awa.msisdn)


def test_a_step_that_comes_again_asks_once_and_going_back_asks_no_more(registry: KnowingRegistry, awa: Phone) -> None:
    first = awa.type("4")
    assert awa.again() == first
    assert awa.type("1", "0") == first
    assert len(registry.asked) == 1


def test_the_first_input_of_a_session_may_open_the_list(house: House, registry: KnowingRegistry, awa: Phone) -> None:
    for _ in range(2):
        awa.session, awa.typed = f"another-{_}", []
        assert awa.type("4").startswith("Fines to pay:\n1 AM-2026-000123")
        assert awa.type("3", "2026000124").startswith("It is paid already.")
    assert len(registry.asked) == 4


def test_a_plate_leads_to_its_fines(registry: KnowingRegistry, awa: Phone) -> None:
    assert awa.type("4", "2", "ab 123-cd") == "Fines to pay:\n1 AM-2026-000123 15,000 XOF Excès de vite."
    assert registry.asked[-1] == {"immatriculation": "AB123CD"}
    assert awa.type("1") == "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"
    registry.fines = [PAID]
    assert awa.type("0", "0", "zz") == "No fines to pay.\nPlate:"
    assert awa.type("?") == "Not a plate.\nPlate:"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("2026000123", "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"),
        ("am-2026-000123", "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"),
        ("2026000124", "It is paid already."),
        ("2026000125", "There is no such fine."),
        ("202600012", "Wrong number of digits."),
        ("20260001230", "Wrong number of digits."),
    ],
)
def test_a_number_is_typed_in_digits_and_its_amount_is_filled_in(awa: Phone, typed: str, shown: str) -> None:
    assert awa.type("4", "3") == "Digits of its number, such as 1234567890:"
    assert awa.type(typed).startswith(shown)


def test_a_cancelled_fine_is_said_to_be(registry: KnowingRegistry, awa: Phone) -> None:
    registry.fines = [KnownFine("AM-2026-000125", 10000, "XOF", "cancelled")]
    assert awa.type("4") == f"No fines on this phone.\n{WAYS}"
    assert awa.type("2", "2026000125").startswith("It is cancelled.\n")


def test_without_an_answer_in_time_the_amount_is_typed(house: House, registry: KnowingRegistry, awa: Phone) -> None:
    waited: list[float] = []
    house.app.extensions["waiting"] = WaitingRoom(1, waited.append)
    assert awa.type("4") == f"No list of fines now.\n{WAYS}\n3 Look again"
    assert sum(waited) == pytest.approx(FINES_WITHIN_S)
    assert awa.type("1", "AB123CD").startswith("No list of fines now.\nDigits of its number")
    assert awa.type("2026000123") == "Amount on the ticket:"
    assert awa.type("15000") == "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"
    awa.type(PIN)
    assert awa.accepted().kind == FINE_PAYMENT.kind


def test_a_registry_without_lists_is_no_hindrance(registry: KnowingRegistry, awa: Phone) -> None:
    registry.refusal = Declined("fine_lists_not_supported")
    assert awa.type("4") == f"No list of fines now.\n{WAYS}"
    assert awa.type("2", "2026000123") == "Pay fine AM-2026-000123: 15,000 XOF.\nPIN:"


def test_who_types_too_many_numbers_is_told_no_more_amounts(registry: KnowingRegistry, awa: Phone) -> None:
    awa.type("4", "3")
    for number in range(TYPED[0]):
        assert awa.type(f"2025{number:06}").startswith("There is no such fine.")
    asked = len(registry.asked)
    assert awa.type("2026000123") == "Amount on the ticket:"
    assert len(registry.asked) == asked


def test_an_answer_that_comes_later_is_seen_by_looking_again(
    house: House, worker: Worker, registry: KnowingRegistry, awa: Phone
) -> None:
    house.app.extensions["waiting"] = WaitingRoom(1, lambda _: None)
    assert awa.type("4", "3") == f"No list of fines now.\n{WAYS}\n3 Look again"
    worker.run()
    assert awa.type("3").startswith("Fines to pay:\n1 AM-2026-000123 ")
    assert awa.type("0") == menu("en")
    assert len(registry.asked) == len(house.store.find(OPERATIONS, {"kind": FINE_LOOKUP.kind})) == 1


def test_a_look_up_that_has_failed_is_asked_anew(
    house: House, worker: Worker, registry: KnowingRegistry, awa: Phone
) -> None:
    house.app.extensions["waiting"] = WaitingRoom(1, lambda _: None)
    awa.type("4")
    registry.refusal = Declined("fine_lists_not_supported")
    worker.run()
    registry.refusal = None
    house.app.extensions["waiting"] = WaitingRoom(1, lambda _: worker.run())
    assert awa.type("3").startswith("Fines to pay:\n1 AM-2026-000123 ")
