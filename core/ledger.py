"""Wallets and their journal: money is available, held, or between two marks, and never anywhere else.

A wallet is one document: its balance, its holds by operation, and marks of what operations have just credited. A mark
stays until the journal has the entry of the credit; then the next save of the wallet, whoever makes it, leaves it out.
The journal has one entry for each leg, `<operation>:out` and `<operation>:in`, written once and never changed. The
`:out` entry decides for good what becomes of a hold: the money was spent, or given back. So every verb may be repeated,
by any number of workers at once, and by one that was paused for an hour.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from core.clock import Clock, to_rfc3339
from core.errors import AlreadyDecided, Conflict, Duplicate, InsufficientFunds
from core.store.port import JOURNAL, WALLETS, Document, Store
from core.turns import Change, ThreadTurns, Turns, save_together

MOBILE_MONEY = "mobile_money"
"""The account of money that came in through operators: as far below zero as people have in their wallets."""
SYSTEM = frozenset({MOBILE_MONEY})
"""System accounts of the core; products name theirs in their contracts. They are in the journal alone: a balance of
each would be the one document that all wait for."""

SETTLE_STEP = "settle"
"""The step of an operation that moves its money from one account to another."""
MAX_MARKS = 1000
"""Credits of one wallet between their mark and their entry. More than threads credit it at once; bounds the document
while entries cannot be written."""


@dataclass(frozen=True)
class Movement:
    """Money that goes from one account to another for an operation.

    source, target: ids of wallets, or names of system accounts.
    amount: minor units.
    what: the kind of the operation.
    """

    operation: str
    source: str
    target: str
    amount: int
    currency: str
    what: str


class Ledger:
    """Every verb raises StoreUnavailable, and Conflict when others were faster a hundred times, or marks are MAX_MARKS.

    system: the accounts that are no wallets.
    turns: at wallets, of the threads that use this ledger; all that wait for a wallet share a save. None for threads.
    """

    def __init__(self, store: Store, clock: Clock, system: frozenset[str] = SYSTEM, turns: Turns | None = None) -> None:
        self.system = system
        self._store = store
        self._clock = clock
        self._turns = turns or ThreadTurns()

    def open(self, wallet: str, currency: str) -> Document:
        """The wallet with this id, created if it does not exist."""
        known = self._store.get(WALLETS, wallet)
        if known is None:
            new: Document = {"id": wallet, "currency": currency, "balance": 0, "holds": {}, "applied": {}}
            try:
                known = self._store.insert(WALLETS, new)
            except Duplicate:
                known = self._wallet(wallet)
        return known

    def hold(self, move: Movement) -> None:
        """Sets the amount aside in the source. Raises InsufficientFunds, and from then on always for this operation."""

        def change(wallet: Document) -> Document | None:
            if move.operation in wallet["holds"]:
                return None
            # Read after the wallet: if another worker changed the wallet since, our save fails.
            decided = self._store.get(JOURNAL, _id(move, "out"))
            if decided is not None and decided["account"] is not None:
                return None
            if decided is not None or wallet["balance"] < move.amount:
                raise InsufficientFunds
            holds = {**wallet["holds"], move.operation: move.amount}
            return {**wallet, "balance": wallet["balance"] - move.amount, "holds": holds}

        try:
            self._change(move.source, move.currency, change)
        except InsufficientFunds:
            self.release(move)
            raise

    def release(self, move: Movement) -> None:
        """Gives back the hold in the source. Raises AlreadyDecided when it was spent.

        The wallet is saved even when nothing is held: then the save of a worker that is just about to hold fails.
        """
        self._decide(move, spent=False)
        self._change(move.source, move.currency, lambda wallet: _without_hold(wallet, move, give_back=True) or wallet)

    def settle(self, move: Movement) -> None:
        """Moves the amount; a wallet has to hold it first. Raises AlreadyDecided when the hold was given back.

        The mark stays in the target: the next save of that wallet leaves it out.
        """
        self._decide(move, spent=True)
        if move.target not in self.system:
            self._change(move.target, move.currency, lambda wallet: self._applied(wallet, move))
        self._enter(move, "in", move.target, move.amount)
        if move.source not in self.system:
            self._change(move.source, move.currency, lambda wallet: _without_hold(wallet, move, give_back=False))

    def _decide(self, move: Movement, spent: bool) -> None:
        """Writes `:out`, once and for all. An entry without an account means that no money moved."""
        account, amount = (move.source, -move.amount) if spent else (None, 0)
        written = self._enter(move, "out", account, amount)
        if written["amount"] != amount:
            raise AlreadyDecided(operation=move.operation)

    def _enter(self, move: Movement, leg: str, account: str | None, amount: int) -> Document:
        """Writes the entry of a leg, or returns the one that exists."""
        other = move.target if leg == "out" else move.source
        entry: Document = {
            "id": _id(move, leg),
            "account": account,
            "operation": move.operation,
            "amount": amount,
            "currency": move.currency,
            "what": move.what,
            "other": other,
            "at": to_rfc3339(self._clock.now()),
        }
        with suppress(Duplicate):
            return self._store.insert(JOURNAL, entry)
        return self._store.get(JOURNAL, entry["id"]) or entry

    def _applied(self, wallet: Document, move: Movement) -> Document | None:
        """The wallet with the amount and a mark; None if the mark or the journal shows an earlier credit.

        Raises Conflict for a wallet with MAX_MARKS.
        """
        if move.operation in wallet["applied"] or self._entered(move.operation):
            return None
        if len(wallet["applied"]) >= MAX_MARKS:
            raise Conflict(collection=WALLETS, id=wallet["id"])
        applied = {**wallet["applied"], move.operation: move.amount}
        return {**wallet, "balance": wallet["balance"] + move.amount, "applied": applied}

    def _entered(self, operation: str) -> bool:
        return self._store.get(JOURNAL, f"{operation}:in") is not None

    def _without_entered_marks(self, wallet: Document) -> Document:
        """The wallet with the marks that still matter: those whose credit the journal does not have yet."""
        marks = {id: amount for id, amount in wallet["applied"].items() if not self._entered(id)}
        return {**wallet, "applied": marks}

    def _change(self, id: str, currency: str, apply: Callable[[Document], Document | None]) -> None:
        """Changes a wallet by compare-and-set. apply: as in Change."""

        def checked(wallet: Document) -> Document | None:
            if wallet["currency"] != currency:
                raise ValueError(f"wallet {id} holds {wallet['currency']}, not {currency}")
            return apply(wallet)

        change = Change(checked)
        self._turns.take(id, change, partial(self._save, id))
        if change.error:
            raise change.error

    def _save(self, id: str, changes: list[Change]) -> None:
        # Marks are read in the wallet before the journal: if one is removed meanwhile, our save fails.
        save_together(self._store, WALLETS, id, changes, self._without_entered_marks)

    def _wallet(self, id: str) -> Document:
        wallet = self._store.get(WALLETS, id)
        if wallet is None:
            raise ValueError(f"there is no wallet {id}")
        return wallet


def _id(move: Movement, leg: str) -> str:
    return f"{move.operation}:{leg}"


def _without_hold(wallet: Document, move: Movement, give_back: bool) -> Document | None:
    if move.operation not in wallet["holds"]:
        return None
    holds = {id: amount for id, amount in wallet["holds"].items() if id != move.operation}
    return {**wallet, "balance": wallet["balance"] + (move.amount if give_back else 0), "holds": holds}
