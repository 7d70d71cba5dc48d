"""The simulation catches every mistake that is planted in the ledger: each is a line that somebody might leave out."""

from collections.abc import Callable

import pytest

from core import ledger
from core.errors import InsufficientFunds
from core.ledger import SYSTEM, Ledger, Movement
from core.store.memory import MemoryStore
from core.store.port import JOURNAL, Document, Store
from core.turns import Change, save_together
from proof.simulation.command import simulate_world

WORLDS = 40
PAYMENTS = 40


def with_hold(wallet: Document, move: Movement) -> Document | None:
    if move.operation in wallet["holds"]:
        return None
    holds = {**wallet["holds"], move.operation: move.amount}
    return {**wallet, "balance": wallet["balance"] - move.amount, "holds": holds}


def with_credit(wallet: Document, move: Movement) -> Document:
    applied = {**wallet["applied"], move.operation: move.amount}
    return {**wallet, "balance": wallet["balance"] + move.amount, "applied": applied}


def hold_whatever_was_decided(patch: pytest.MonkeyPatch) -> None:
    def hold(self: Ledger, move: Movement) -> None:
        def change(wallet: Document) -> Document | None:
            if move.operation not in wallet["holds"] and wallet["balance"] < move.amount:
                raise InsufficientFunds
            return with_hold(wallet, move)

        try:
            self._change(move.source, move.currency, change)
        except InsufficientFunds:
            self.release(move)
            raise

    patch.setattr(Ledger, "hold", hold)


def hold_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    def hold(self: Ledger, move: Movement) -> None:
        self._change(move.source, move.currency, lambda wallet: with_hold(wallet, move))

    patch.setattr(Ledger, "hold", hold)


def release_without_deciding(patch: pytest.MonkeyPatch) -> None:
    right = Ledger._decide
    patch.setattr(Ledger, "_decide", lambda self, move, spent: right(self, move, spent) if spent else None)


def give_back_what_is_not_held(patch: pytest.MonkeyPatch) -> None:
    right = ledger._without_hold

    def wrong(wallet: Document, move: Movement, give_back: bool) -> Document | None:
        twice = {**wallet, "balance": wallet["balance"] + move.amount} if give_back else None
        return right(wallet, move, give_back) or twice

    patch.setattr(ledger, "_without_hold", wrong)


def credit_without_looking_for_the_mark(patch: pytest.MonkeyPatch) -> None:
    def applied(self: Ledger, wallet: Document, move: Movement) -> Document | None:
        return None if self._store.get(JOURNAL, f"{move.operation}:in") else with_credit(wallet, move)

    patch.setattr(Ledger, "_applied", applied)


def credit_without_looking_at_the_journal(patch: pytest.MonkeyPatch) -> None:
    def applied(self: Ledger, wallet: Document, move: Movement) -> Document | None:
        return None if move.operation in wallet["applied"] else with_credit(wallet, move)

    patch.setattr(Ledger, "_applied", applied)


def unmark_before_the_entry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "_without_entered_marks", lambda self, wallet: {**wallet, "applied": {}})


def never_unmark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "_without_entered_marks", lambda self, wallet: wallet)


def save_only_the_last_of_those_that_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        ledger,
        "save_together",
        lambda store, collection, id, changes, prepare: save_together(store, collection, id, changes[-1:], prepare),
    )


def apply_each_to_what_was_read(patch: pytest.MonkeyPatch) -> None:
    """Only the holds and marks of all, and the balance of the last: as if each had been alone."""

    def wrong(
        store: Store, collection: str, id: str, changes: list[Change], prepare: Callable[[Document], Document]
    ) -> None:
        def alone(change: Change, read: dict[int, int]) -> Callable[[Document], Document | None]:
            def apply(wallet: Document) -> Document | None:
                balance = read.setdefault(wallet["version"], wallet["balance"])
                return change.apply({**wallet, "balance": balance})

            return apply

        read: dict[int, int] = {}
        todo = [Change(alone(change, read)) for change in changes]
        save_together(store, collection, id, todo, prepare)
        for change, done in zip(changes, todo, strict=True):
            change.error = done.error

    patch.setattr(ledger, "save_together", wrong)


def take_the_hold_away_before_deciding(patch: pytest.MonkeyPatch) -> None:
    right = Ledger.settle

    def settle(self: Ledger, move: Movement) -> None:
        if move.source not in SYSTEM:
            self._change(move.source, move.currency, lambda wallet: ledger._without_hold(wallet, move, give_back=False))
        right(self, move)

    patch.setattr(Ledger, "settle", settle)


def save_without_version_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "_check", lambda self, collection, id, version: None)


@pytest.mark.parametrize(
    ("mistake", "product", "account"),
    [
        (hold_whatever_was_decided, "wallet_transfer", "unexplained"),
        (hold_what_is_not_there, "wallet_transfer", "unexplained"),
        (release_without_deciding, "wallet_transfer", "unexplained"),
        (give_back_what_is_not_held, "wallet_transfer", "double"),
        (credit_without_looking_for_the_mark, "wallet_transfer", "double"),
        (credit_without_looking_at_the_journal, "wallet_transfer", "double"),
        (unmark_before_the_entry, "wallet_transfer", "double"),
        (never_unmark, "wallet_transfer", "unexplained"),
        (save_only_the_last_of_those_that_wait, "wallet_transfer", "lost"),
        (apply_each_to_what_was_read, "wallet_transfer", "lost"),
        (take_the_hold_away_before_deciding, "wallet_transfer", "unexplained"),
        (save_without_version_check, "wallet_transfer", "double"),
    ],
)
def test_a_mistake_in_the_ledger_is_caught(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], product: str, account: str
) -> None:
    mistake(monkeypatch)
    for number in range(WORLDS):
        if getattr(simulate_world(product, True, f"mistake/{number}", PAYMENTS), account):
            return
    raise AssertionError(f"{mistake.__name__} was not caught in {WORLDS} worlds")
