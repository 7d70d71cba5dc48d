"""The ledger on a real store: every verb once, twice, cut off in the middle, and by many at once."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import AlreadyDecided, Conflict, InsufficientFunds, StoreUnavailable
from core.ledger import MOBILE_MONEY, SYSTEM, Ledger, Movement
from core.store.memory import MemoryStore
from core.store.port import Document, Store
from core.store.sql import SqlStore
from tests.doubles import CutOff, FakeClock, lent_sql
from tests.store.samples import at_once

SHOP = "services"
SEND = Movement("op", "awa", "kofi", 300, "XOF", "wallet_transfer")
PAY = replace(SEND, target=SHOP, what="service_payment")


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return funded(store)


def funded(store: Store, amount: int = 1000) -> Ledger:
    """A ledger of two wallets, one of which has money."""
    ledger = Ledger(store, FakeClock(), SYSTEM | {SHOP})
    for wallet in ("awa", "kofi"):
        ledger.open(wallet, "XOF")
    ledger.settle(Movement("top-up", MOBILE_MONEY, "awa", amount, "XOF", "wallet_top_up"))
    return ledger


def wallets(store: Store) -> dict[str, tuple[int, int]]:
    """By id: what is available, and what is held."""
    found = store.find("wallets", {})
    assert all(store.get("journal", f"{mark}:in") for wallet in found for mark in wallet["applied"])
    return {wallet["id"]: (wallet["balance"], sum(wallet["holds"].values())) for wallet in found}


def journal(store: Store) -> dict[str, tuple[str | None, int]]:
    entries = store.find("journal", {}, limit=1000)
    return {entry["id"]: (entry["account"], entry["amount"]) for entry in entries if entry["operation"] != "top-up"}


def test_a_new_wallet_is_empty_and_is_made_once(store: Store, ledger: Ledger) -> None:
    ledger.hold(SEND)
    assert ledger.open("awa", "EUR")["currency"] == "XOF"
    assert wallets(store) == {"awa": (700, 300), "kofi": (0, 0)}


def test_what_is_held_goes_to_the_other_wallet(store: Store, ledger: Ledger) -> None:
    ledger.hold(SEND)
    ledger.settle(SEND)
    assert wallets(store) == {"awa": (700, 0), "kofi": (300, 0)}
    assert journal(store) == {"op:in": ("kofi", 300), "op:out": ("awa", -300)}


def test_what_is_paid_to_us_is_in_the_journal_alone(store: Store, ledger: Ledger) -> None:
    ledger.hold(PAY)
    ledger.settle(PAY)
    assert wallets(store) == {"awa": (700, 0), "kofi": (0, 0)}
    assert journal(store) == {"op:in": (SHOP, 300), "op:out": ("awa", -300)}


def test_what_is_released_is_back(store: Store, ledger: Ledger) -> None:
    ledger.hold(SEND)
    ledger.release(SEND)
    assert wallets(store)["awa"] == (1000, 0)
    assert journal(store) == {"op:out": (None, 0)}


def test_more_than_there_is_cannot_be_held(store: Store, ledger: Ledger) -> None:
    with pytest.raises(InsufficientFunds):
        ledger.hold(replace(SEND, amount=1001))
    ledger.hold(replace(SEND, operation="other", amount=1000))
    assert wallets(store)["awa"] == (0, 1000)


def test_a_refused_hold_stays_refused_when_money_comes_in(store: Store, ledger: Ledger) -> None:
    much = replace(SEND, amount=1500)
    with pytest.raises(InsufficientFunds):
        ledger.hold(much)
    ledger.settle(Movement("second", MOBILE_MONEY, "awa", 1000, "XOF", "wallet_top_up"))
    with pytest.raises(InsufficientFunds):
        ledger.hold(much)
    assert wallets(store)["awa"] == (2000, 0)


def test_what_was_spent_is_not_given_back_and_the_other_way_round(store: Store, ledger: Ledger) -> None:
    ledger.hold(SEND)
    ledger.settle(SEND)
    with pytest.raises(AlreadyDecided):
        ledger.release(SEND)
    other = replace(SEND, operation="other")
    ledger.hold(other)
    ledger.release(other)
    with pytest.raises(AlreadyDecided):
        ledger.settle(other)
    assert wallets(store) == {"awa": (700, 0), "kofi": (300, 0)}


def test_a_wallet_of_another_currency_is_left_alone(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="XOF"):
        ledger.hold(replace(SEND, currency="EUR"))
    with pytest.raises(ValueError, match="no document nobody in wallets"):
        ledger.hold(replace(SEND, source="nobody"))


VERBS: dict[str, Callable[[Ledger], None]] = {
    "hold": lambda ledger: ledger.hold(SEND),
    "release": lambda ledger: ledger.release(SEND),
    "settle": lambda ledger: ledger.settle(SEND),
}


@pytest.mark.parametrize(
    ("decided", "late", "answer"),
    [
        ("settle", "hold", None),
        ("settle", "settle", None),
        ("settle", "release", AlreadyDecided),
        ("release", "hold", InsufficientFunds),
        ("release", "release", None),
        ("release", "settle", AlreadyDecided),
    ],
)
def test_a_verb_that_comes_again_long_afterwards_changes_nothing(
    store: Store, ledger: Ledger, decided: str, late: str, answer: type[Exception] | None
) -> None:
    ledger.hold(SEND)
    VERBS[decided](ledger)
    before = wallets(store), journal(store)
    with pytest.raises(answer) if answer else nullcontext():
        VERBS[late](ledger)
    assert (wallets(store), journal(store)) == before


def test_a_refusal_stops_a_hold_that_is_under_way(store: Store, ledger: Ledger) -> None:
    """Two workers at one operation: the second one saw the wallet before money came in, and refuses."""
    poor = store.get("wallets", "awa")
    assert poor is not None
    poor["balance"] = 0

    class Late:
        """The store, which the second worker's refusal reaches just before the first one's hold is saved."""

        refused = False

        def __getattr__(self, verb: str) -> Any:
            return getattr(store, verb)

        def replace(self, collection: str, document: Document) -> Document:
            if not self.refused:
                self.refused = True
                with pytest.raises(InsufficientFunds):
                    Ledger(Early(), FakeClock()).hold(SEND)
            return store.replace(collection, document)

    class Early:
        """The store as it was when the second worker first looked."""

        looks = 0

        def __getattr__(self, verb: str) -> Any:
            return getattr(store, verb)

        def get(self, collection: str, id: str) -> Document | None:
            self.looks += collection == "wallets"
            return poor if collection == "wallets" and self.looks == 1 else store.get(collection, id)

    with pytest.raises(InsufficientFunds):
        Ledger(Late(), FakeClock()).hold(SEND)
    assert wallets(store)["awa"] == (1000, 0)


@pytest.mark.parametrize("cut_at", range(12))
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_cut_off_anywhere_is_finished_by_the_next_one(verb: str, cut_at: int) -> None:
    store = MemoryStore()
    ledger = funded(store)
    if verb != "hold":
        ledger.hold(SEND)
    with suppress(StoreUnavailable):
        VERBS[verb](Ledger(CutOff(store, cut_at), FakeClock(), SYSTEM | {SHOP}))
    VERBS[verb](ledger)
    assert (
        wallets(store)
        == {
            "hold": {"awa": (700, 300), "kofi": (0, 0)},
            "release": {"awa": (1000, 0), "kofi": (0, 0)},
            "settle": {"awa": (700, 0), "kofi": (300, 0)},
        }[verb]
    )


def test_many_at_once_cannot_hold_more_than_there_is(tmp_path: Path) -> None:
    # Given two processes' worth of stores on one file, and money for four holds
    stores = [SqlStore(f"sqlite:///{tmp_path / 'ledger.sqlite'}") for _ in range(2)]
    funded(stores[0], 1200)

    # If sixteen operations want to hold at the same moment
    def hold(number: int) -> bool:
        try:
            Ledger(stores[number % 2], FakeClock()).hold(replace(SEND, operation=f"op-{number}"))
        except InsufficientFunds:
            return False
        return True

    held = at_once(hold)

    # I expect four to be let
    assert sum(held) == 4
    assert wallets(stores[0])["awa"] == (0, 1200)
    for store in stores:
        store.close()


def test_the_same_settled_by_many_at_once_is_settled_once(tmp_path: Path) -> None:
    stores = [SqlStore(f"sqlite:///{tmp_path / 'ledger.sqlite'}") for _ in range(2)]
    funded(stores[0]).hold(SEND)
    at_once(lambda number: Ledger(stores[number % 2], FakeClock()).settle(SEND))
    assert wallets(stores[0]) == {"awa": (700, 0), "kofi": (300, 0)}
    for store in stores:
        store.close()


def credit(number: int) -> Movement:
    return Movement(f"op-{number:04d}", MOBILE_MONEY, "kofi", 1, "XOF", "wallet_top_up")


def marks(store: Store) -> list[str]:
    return sorted((store.get("wallets", "kofi") or {})["applied"])


def test_any_number_of_credits_leave_no_more_marks_than_the_last_save_made(store: Store, ledger: Ledger) -> None:
    for number in range(20):
        ledger.settle(credit(number))
    assert marks(store) == ["op-0019"]
    assert wallets(store)["kofi"] == (20, 0)
    ledger.hold(replace(SEND, source="kofi", target="awa", amount=1))
    assert marks(store) == []


def test_a_mark_stays_until_its_entry_is_there_whoever_saves(store: Store, ledger: Ledger) -> None:
    with suppress(StoreUnavailable):
        Ledger(CutOff(store, 4), FakeClock()).settle(credit(0))
    ledger.settle(credit(1))
    assert marks(store) == ["op-0000", "op-0001"]
    ledger.settle(credit(0))
    ledger.settle(credit(2))
    assert marks(store) == ["op-0002"]
    assert wallets(store)["kofi"] == (3, 0)


def test_a_wallet_takes_no_more_credits_while_too_many_have_no_entry(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a wallet with as many marks as it may have, since entries cannot be written
    monkeypatch.setattr("core.ledger.MAX_MARKS", 3)
    for number in range(3):
        with suppress(StoreUnavailable):
            Ledger(CutOff(store, 4 + number), FakeClock()).settle(credit(number))
    assert len(marks(store)) == 3

    # If a fourth is to be credited, I expect it to be put off, with nothing changed
    with pytest.raises(Conflict):
        ledger.settle(credit(3))
    assert len(marks(store)) == 3

    # And to be credited once one of the others has its entry
    ledger.settle(credit(0))
    ledger.settle(credit(3))
    assert marks(store) == ["op-0001", "op-0002", "op-0003"]
    for number in range(4):
        ledger.settle(credit(number))
    assert wallets(store)["kofi"] == (4, 0)


def test_many_credits_of_one_wallet_by_two_processes_share_saves_and_none_is_lost(tmp_path: Path) -> None:
    stores = [SqlStore(f"sqlite:///{tmp_path / 'ledger.sqlite'}") for _ in range(2)]
    funded(stores[0])
    processes = [Ledger(store, FakeClock()) for store in stores]

    def work(number: int) -> None:
        for operation in range(10):
            # The same operation twice, by one process or both
            processes[number % 2].settle(credit(number // 2 * 10 + operation))

    at_once(work)
    assert wallets(stores[0])["kofi"] == (80, 0)
    assert len(marks(stores[0])) <= 16
    for store in stores:
        store.close()
