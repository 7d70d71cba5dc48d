"""Wallets and their journal: money is available, held, or on its way between two marks, and never anywhere else.

A wallet is one document: what is available, what is held for operations, and what of them it was given just now.
The journal is what has happened: an entry a leg, `<operation>:out` and `<operation>:in`, written once and never
changed. Which entry `:out` is decides for good what becomes of a hold: money that went, or nothing. So every verb may
be repeated, by any number of workers at once and by one that was paused for an hour.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from core.clock import Clock, to_text
from core.errors import AlreadyDecided, Conflict, Duplicate, InsufficientFunds
from core.store.port import JOURNAL, WALLETS, Document, Store

MOBILE_MONEY = "mobile_money"
"""What came in through operators: below zero by what people hold."""
SERVICES = "services"
"""What was paid for services."""
SYSTEM = frozenset({MOBILE_MONEY, SERVICES})
"""Accounts of ours. They are in the journal alone: a balance of each would be the one document that all wait for."""

TRIES = 100
"""Each but the first needs another worker to change the same wallet in between."""

_TURNS = [threading.RLock() for _ in range(64)]
"""By wallet: the threads of a process take turns at one. A courtesy that saves conflicts; nothing relies on it."""


@dataclass(frozen=True)
class Movement:
    """Money that goes from one account to another for an operation. Accounts are ids of wallets, or of SYSTEM.

    amount: minor units; what: the kind of the operation.
    """

    operation: str
    source: str
    target: str
    amount: int
    currency: str
    what: str


class Ledger:
    """Every verb raises StoreUnavailable, and Conflict when others were faster a hundred times."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, wallet: str, currency: str) -> Document:
        """The wallet of this id, made when it is not there."""
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
            # After the wallet: whoever changed it since then makes our save fail.
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
        """Gives back what is held in the source. Raises AlreadyDecided when it was spent.

        The wallet is saved even when nothing is held: of a worker that is just about to hold, the save then fails.
        """
        self._decide(move, spent=False)
        self._change(move.source, move.currency, lambda wallet: _without_hold(wallet, move, give_back=True) or wallet)

    def settle(self, move: Movement) -> None:
        """Moves the amount: what a wallet gives was held before. Raises AlreadyDecided when it was given back."""
        self._decide(move, spent=True)
        if move.target not in SYSTEM:
            self._change(move.target, move.currency, lambda wallet: self._applied(wallet, move))
        self._enter(move, "in", move.target, move.amount)
        if move.source not in SYSTEM:
            self._change(move.source, move.currency, lambda wallet: _without_hold(wallet, move, give_back=False))
        if move.target not in SYSTEM:
            self._change(move.target, move.currency, lambda wallet: _without_mark(wallet, move))

    def _decide(self, move: Movement, spent: bool) -> None:
        """Writes `:out`, once and for all. An entry of no account says that no money went."""
        account, amount = (move.source, -move.amount) if spent else (None, 0)
        written = self._enter(move, "out", account, amount)
        if written["amount"] != amount:
            raise AlreadyDecided(operation=move.operation)

    def _enter(self, move: Movement, leg: str, account: str | None, amount: int) -> Document:
        """The entry of the leg: this one, or the one that was there."""
        other = move.target if leg == "out" else move.source
        entry: Document = {
            "id": _id(move, leg),
            "account": account,
            "operation": move.operation,
            "amount": amount,
            "currency": move.currency,
            "what": move.what,
            "other": other,
            "at": to_text(self._clock.now()),
        }
        with suppress(Duplicate):
            return self._store.insert(JOURNAL, entry)
        return self._store.get(JOURNAL, entry["id"]) or entry

    def _applied(self, wallet: Document, move: Movement) -> Document | None:
        """With the amount and a mark of it; None when it has had it before: the mark or the journal tells."""
        if move.operation in wallet["applied"] or self._store.get(JOURNAL, _id(move, "in")):
            return None
        applied = {**wallet["applied"], move.operation: move.amount}
        return {**wallet, "balance": wallet["balance"] + move.amount, "applied": applied}

    def _change(self, id: str, currency: str, change: Callable[[Document], Document | None]) -> None:
        """change: the wallet as it is to be, from how it is; None: as it is to be."""
        with _TURNS[hash(id) % len(_TURNS)]:
            for tries_left in reversed(range(TRIES)):
                wallet = self._wallet(id)
                if wallet["currency"] != currency:
                    raise ValueError(f"wallet {id} holds {wallet['currency']}, not {currency}")
                changed = change(wallet)
                if changed is None:
                    return
                try:
                    self._store.replace(WALLETS, changed)
                    return
                except Conflict:
                    if not tries_left:
                        raise

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


def _without_mark(wallet: Document, move: Movement) -> Document | None:
    if move.operation not in wallet["applied"]:
        return None
    return {**wallet, "applied": {id: amount for id, amount in wallet["applied"].items() if id != move.operation}}
