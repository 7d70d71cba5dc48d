"""The audit finds every way in which wallets, journal and operations disagree, and bears with work under way."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.installed import DEFAULT
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.store.port import Document, Store
from proof.ledger import examine_ledger, totals
from tests.doubles import START, CutOff, FakeClock, open_sql

SEND = Movement("op-1", "awa", "kofi", 300, "XOF", "wallet_transfer")


@pytest.fixture
def store() -> Iterator[Store]:
    """Two wallets, one topped up with 1000, and a transfer of 300 that is under way."""
    store = open_sql("sqlite://")
    ledger = Ledger(store, FakeClock())
    for wallet in ("awa", "kofi"):
        ledger.open(wallet, "XOF")
    insert(store, "op-0", "wallet_top_up", Status.SUCCEEDED, wallet="awa", msisdn="+2250700000000", amount=1000)
    ledger.settle(Movement("op-0", MOBILE_MONEY, "awa", 1000, "XOF", "wallet_top_up"))
    insert(
        store,
        "op-1",
        "wallet_transfer",
        Status.PROCESSING,
        **{"from": "awa", "to": "kofi", "to_name": "kofi", "amount": 300},
    )
    ledger.hold(SEND)
    yield store
    store.close()


def insert(store: Store, id: str, kind: str, status: Status, **request: Any) -> None:
    operation = Operation(id, kind, {"currency": "XOF", **request}, START, START, status=status)
    store.insert("operations", operation.to_document())


def change(store: Store, collection: str, id: str, **changes: Any) -> None:
    document = store.get(collection, id)
    assert document is not None
    store.replace(collection, {**document, **changes})


def settled(store: Store) -> None:
    Ledger(store, FakeClock()).settle(SEND)
    change(store, "operations", "op-1", status="succeeded")


def kinds(store: Store) -> list[str]:
    return [kind for kind, _ in examine_ledger(store, DEFAULT.contracts)]


def test_what_is_right_is_not_said_to_be_wrong(store: Store) -> None:
    assert kinds(store) == []
    settled(store)
    assert kinds(store) == []
    assert totals(store, DEFAULT.contracts) == {"XOF": {"wallets": 1000, "mobile_money": -1000, "services": 0}}


@pytest.mark.parametrize("wallet", ["awa", "kofi"])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_balance_that_was_changed_by_hand(store: Store, wallet: str, by: int) -> None:
    balance = (store.get("wallets", wallet) or {})["balance"]
    change(store, "wallets", wallet, balance=balance + by)
    assert set(kinds(store)) == {"balance"} | ({"negative balance"} if balance + by < 0 else set())


def test_a_balance_below_zero(store: Store) -> None:
    change(store, "wallets", "kofi", balance=-5)
    assert kinds(store) == ["balance", "negative balance"]


def test_a_hold_of_an_operation_that_has_ended_or_was_never_there(store: Store) -> None:
    change(store, "operations", "op-1", status="failed")
    assert kinds(store) == ["dangling hold"]
    store.delete("operations", "op-1", 2)
    assert kinds(store) == ["dangling hold"]


def test_a_success_without_its_entries(store: Store) -> None:
    change(store, "operations", "op-1", status="succeeded")
    assert sorted(kinds(store)) == ["dangling hold", "journal"]


@pytest.mark.parametrize("leg", ["in", "out"])
def test_an_entry_that_is_gone(store: Store, leg: str) -> None:
    settled(store)
    store.delete("journal", f"op-1:{leg}", 1)
    assert sorted(kinds(store)) == ["balance", "journal"]


def test_an_entry_of_another_amount(store: Store) -> None:
    settled(store)
    change(store, "journal", "op-1:in", amount=301)
    assert sorted(kinds(store)) == ["balance", "journal"]


def test_an_entry_of_no_operation(store: Store) -> None:
    settled(store)
    store.delete("operations", "op-1", 2)
    assert kinds(store) == ["journal"]


def test_money_of_a_failed_operation(store: Store) -> None:
    settled(store)
    change(store, "operations", "op-1", status="failed")
    assert kinds(store) == ["journal"]


def test_entries_of_a_wallet_that_is_not_there(store: Store) -> None:
    settled(store)
    store.delete("wallets", "kofi", 2)
    assert kinds(store) == ["journal"]


def test_entries_of_a_product_that_is_not_installed_are_not_judged(store: Store) -> None:
    # Given a toll that was paid to an account which only its product knows, and a hold of another
    ledger = Ledger(store, FakeClock(), frozenset({MOBILE_MONEY, "tolls"}))
    for id, status in (("op-2", Status.SUCCEEDED), ("op-3", Status.PROCESSING)):
        insert(store, id, "toll", status, gate=1)
        ledger.hold(replace(SEND, operation=id, target="tolls", amount=50))
    ledger.settle(replace(SEND, operation="op-2", target="tolls", amount=50))
    assert kinds(store) == []

    # I expect the wallets to be checked against these entries nevertheless
    change(store, "wallets", "awa", balance=1)
    assert kinds(store) == ["balance"]


def test_entries_of_a_product_that_moves_no_money_are_wrong(store: Store) -> None:
    insert(store, "op-2", "sms", Status.SUCCEEDED, to="+2250700000001", about=None, text="x")
    Ledger(store, FakeClock()).settle(replace(SEND, operation="op-2", source=MOBILE_MONEY))
    assert kinds(store) == ["journal"]


def test_work_that_goes_on_during_the_audit_is_not_said_to_be_wrong(store: Store) -> None:
    # Given a worker that settles the transfer once the audit has read the operations, and again before the wallets
    class Busy:
        """The store, on which a worker does something at the first look at each collection."""

        def __init__(self) -> None:
            self.work = {"journal": lambda: settled(store), "wallets": lambda: send_back(store)}

        def __getattr__(self, verb: str) -> Any:
            return getattr(store, verb)

        def find(self, collection: str, *where: Any, **how: Any) -> list[Document]:
            self.work.pop(collection, lambda: None)()
            return store.find(collection, *where, **how)

    def send_back(store: Store) -> None:
        insert(store, "op-2", "wallet_transfer", Status.SUCCEEDED, **{"from": "kofi", "to": "awa", "amount": 200})
        back = replace(SEND, operation="op-2", source="kofi", target="awa", amount=200)
        ledger = Ledger(store, FakeClock())
        ledger.hold(back)
        ledger.settle(back)

    # I expect the audit to look again, and to find nothing
    busy = Busy()
    assert kinds(busy) == []
    assert busy.work == {}


def test_an_entry_that_comes_while_a_wallet_is_read_again_is_not_said_to_be_wrong(store: Store) -> None:
    # Given two marked credits without entry, one of which gets it just before the wallets are read
    other = replace(SEND, operation="op-2", amount=50)
    request = {"from": "awa", "to": "kofi", "to_name": "kofi", "amount": 50}
    insert(store, "op-2", "wallet_transfer", Status.PROCESSING, **request)
    Ledger(store, FakeClock()).hold(other)
    for move, verbs in ((SEND, 4), (other, 5)):
        with suppress(StoreUnavailable):
            Ledger(CutOff(store, verbs), FakeClock()).settle(move)
    marked = store.get("wallets", "kofi")
    assert marked is not None
    assert marked["applied"] == {"op-1": 300, "op-2": 50}

    class Busy:
        """The store, on which the other entry comes while the audit reads the wallet again."""

        def __getattr__(self, verb: str) -> Any:
            return getattr(store, verb)

        def find(self, collection: str, where: Any, *rest: Any, **how: Any) -> list[Document]:
            if collection == "wallets":
                Ledger(store, FakeClock()).settle(SEND)
            found = store.find(collection, where, *rest, **how)
            if where == {"account": "kofi"} and not found:
                Ledger(store, FakeClock()).settle(other)
            return found

    # I expect the audit to look again, and to find nothing, though the wallet is as it was
    assert kinds(Busy()) == []
    assert store.get("wallets", "kofi") == marked
