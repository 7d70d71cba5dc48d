"""Carries out orders: each once, at its time, by the rules of its partner."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from mock_api.books import Books, Order, Request

PENDING, SUCCESSFUL, FAILED = "PENDING", "SUCCESSFUL", "FAILED"


@dataclass(frozen=True)
class Verdict:
    """A partner's decision on an order.

    reason: why it is refused; None to accept it.
    waits: whether an accepted order is PENDING first.
    """

    reason: str | None = None
    waits: bool = False


@dataclass(frozen=True)
class Trade:
    """One kind of order.

    effects: the name of its list in `/_truth`.
    prefix: of its transaction ids.
    reported: the fields of the order that are in that list.
    decide: the partner's decision on an order.
    record: notes a successful order in the books.
    """

    partner: str
    effects: str
    prefix: str
    reported: tuple[str, ...]
    decide: Callable[[Books, Order], Verdict]
    record: Callable[[Books, Order], None]


class Ledger:
    """The orders and their states. Deferred effects that are due are applied before every read and write.

    clock: returns the time, in seconds since 1970.
    pending_s: how long PENDING lasts.
    resets: how often everything was cleared.
    """

    def __init__(self, books: Books, trades: Mapping[str, Trade], clock: Callable[[], float], pending_s: float) -> None:
        self._books = books
        self._trades = trades
        self._clock = clock
        self._pending_s = pending_s
        self._next_due = books.next_due() or math.inf
        self.resets = 0

    def count(self, call: str, key: str) -> int:
        """Counts a `call` about `key`. Returns how many there have been."""
        return self._books.count(call, key)

    def submit(self, order: Order, verdict: Verdict | None = None, pending_s: float | None = None) -> Request | None:
        """Carries out an order, or finds the earlier one with the same id.

        verdict: replaces the partner's decision.
        pending_s: replaces how long PENDING lasts.
        Returns the order's state; None if its id belongs to a different order.
        """
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            return self._submit(order, now, verdict, pending_s)

    def defer(self, order: Order, delay_s: float) -> None:
        """Carries out an order after `delay_s`, unless its id exists or is deferred already."""
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            if self._books.request(order.partner, order.request_id) is None:
                self._defer(order, now + delay_s)

    def find(self, partners: Sequence[str], request_id: str) -> Request | None:
        """Returns the request with this id at the first of `partners` that has one, or None."""
        self._catch_up()
        found = (self._books.request(partner, request_id) for partner in partners)
        return next((request for request in found if request is not None), None)

    def note(self, key: str) -> str | None:
        self._catch_up()
        return self._books.note(key)

    def truth(self, after: int) -> tuple[int, dict[str, int], Callable[[str | None], Iterator[tuple[int, str, str]]]]:
        """Returns the last effect's number, the counts of calls by name, and a reader of effects by type.

        after: the reader yields the effects with a larger number.
        """
        self._catch_up()
        upto = self._books.last_effect()
        return upto, self._books.counts(), lambda kind: self._books.effects(kind, after, upto)

    def clear(self) -> None:
        """Deletes everything. Calls in flight notice it by `resets`."""
        with self._books.transaction():
            self._books.clear()
            self._next_due = math.inf
            self.resets += 1

    def _catch_up(self) -> None:
        if self._clock() >= self._next_due:
            with self._books.transaction():
                self._land(self._clock())

    def _land(self, now: float) -> None:
        while now >= self._next_due:
            taken = self._books.take_due(now)
            if taken is not None:
                order, due = taken
                existing = self._books.request(order.partner, order.request_id)
                if existing is None:
                    self._submit(order, due, None, None)
                elif existing.status == PENDING and existing.order == order:
                    self._finish(order, due, self._trades[order.call].decide(self._books, order))
            self._next_due = self._books.next_due() or math.inf

    def _submit(self, order: Order, now: float, verdict: Verdict | None, pending_s: float | None) -> Request | None:
        existing = self._books.request(order.partner, order.request_id)
        if existing is not None:
            return existing if _canonical(existing.order) == _canonical(order) else None
        verdict = verdict or self._trades[order.call].decide(self._books, order)
        if verdict.waits and verdict.reason is None:
            request = Request(order, PENDING, None, None)
            self._books.save_request(request)
            self._books.drop_deferred(order)
            self._defer(order, now + (self._pending_s if pending_s is None else pending_s))
            return request
        return self._finish(order, now, verdict)

    def _finish(self, order: Order, at: float, verdict: Verdict) -> Request:
        trade = self._trades[order.call]
        if verdict.reason is not None:
            request = Request(order, FAILED, verdict.reason, None)
        else:
            request = Request(order, SUCCESSFUL, None, _transaction_id(trade.prefix, order))
            trade.record(self._books, order)
            self._books.add_effect(trade.effects, self._effect(trade, request, at))
        self._books.save_request(request)
        return request

    def _effect(self, trade: Trade, request: Request, at: float) -> dict[str, str]:
        order = request.order
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        effect = {"request_id": order.request_id} | {name: order.content[name] for name in trade.reported}
        return effect | {"transaction_id": str(request.transaction_id), "at": when}

    def _defer(self, order: Order, due: float) -> None:
        self._books.defer(order, due)
        self._next_due = min(self._next_due, due)


def _canonical(order: Order) -> tuple[object, ...]:
    """Returns what two orders must share to be the same. The amounts "15000" and "15000.00" are the same."""
    amount = {"amount": Decimal(order.content["amount"])} if "amount" in order.content else {}
    return order.partner, order.call, {**order.content, **amount}


def _transaction_id(prefix: str, order: Order) -> str:
    # Derived from the order, not from a counter: a repeated run gets the same ids in any order of calls.
    digest = hashlib.blake2b(json.dumps([order.partner, order.request_id]).encode(), digest_size=8)
    return f"{prefix}{digest.hexdigest().upper()}"
