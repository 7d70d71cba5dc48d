"""The simulation catches every mistake that is planted in the ledger: each is a line that somebody might leave out."""

from collections.abc import Callable

import pytest

import core.ledger as ledger
from core.errors import InsufficientFunds
from core.ledger import SYSTEM, Ledger, Movement
from core.store.memory import MemoryStore
from core.store.port import JOURNAL, Document
from ops.simulation.command import simulate_world

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
    right = Ledger._enter

    def enter(self: Ledger, move: Movement, leg: str, account: str | None, amount: int) -> Document:
        if leg == "in":
            self._change(move.target, move.currency, lambda wallet: ledger._without_mark(wallet, move))
        return right(self, move, leg, account, amount)

    patch.setattr(Ledger, "_enter", enter)


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
