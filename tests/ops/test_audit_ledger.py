"""The audit finds every way in which wallets, journal and operations disagree, and bears with work under way."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from doubles import START, FakeClock

from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.store.port import Document, Store
from core.store.sql import SqlStore
from ops.audit.ledger import examine_ledger, totals

SEND = Movement("op-1", "awa", "kofi", 300, "XOF", "wallet_transfer")


@pytest.fixture
def store() -> Iterator[Store]:
    """Two wallets, one topped up with 1000, and a transfer of 300 that is under way."""
    store = SqlStore("sqlite://")
    ledger = Ledger(store, FakeClock())
    for wallet in ("awa", "kofi"):
        ledger.open(wallet, "XOF")
    insert(store, "op-0", "wallet_top_up", Status.SUCCEEDED, wallet="awa", amount=1000)
    ledger.settle(Movement("op-0", MOBILE_MONEY, "awa", 1000, "XOF", "wallet_top_up"))
    insert(store, "op-1", "wallet_transfer", Status.PROCESSING, **{"from": "awa", "to": "kofi", "amount": 300})
    ledger.hold(SEND)
    yield store
    store.close()


def insert(store: Store, id: str, kind: str, status: Status, **asked: Any) -> None:
    operation = Operation(id, kind, {"currency": "XOF", **asked}, START, START, status=status)
    store.insert("operations", operation.to_document())


def change(store: Store, collection: str, id: str, **changes: Any) -> None:
    document = store.get(collection, id)
    assert document is not None
    store.replace(collection, {**document, **changes})


def settled(store: Store) -> None:
    Ledger(store, FakeClock()).settle(SEND)
    change(store, "operations", "op-1", status="succeeded")


def kinds(store: Store) -> list[str]:
    return [kind for kind, _ in examine_ledger(store)]


def test_what_is_right_is_not_said_to_be_wrong(store: Store) -> None:
    assert kinds(store) == []
    settled(store)
    assert kinds(store) == []
    assert totals(store) == {"XOF": {"wallets": 1000, "mobile_money": -1000, "services": 0}}


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
    assert kinds(store) == ["hold of nobody"]
    store.delete("operations", "op-1", 2)
    assert kinds(store) == ["hold of nobody"]


def test_a_success_without_its_entries(store: Store) -> None:
    change(store, "operations", "op-1", status="succeeded")
    assert sorted(kinds(store)) == ["hold of nobody", "journal"]


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
    store.delete("wallets", "kofi", 3)
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
    assert kinds(busy) == []  # type: ignore[arg-type]
    assert busy.work == {}
