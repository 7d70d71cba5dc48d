"""Carries orders out: each once, at its time, and by its partner's own rules."""

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
    """What a partner makes of an order: a `reason` refuses it; `waits` keeps a good one PENDING first."""

    reason: str | None = None
    waits: bool = False


@dataclass(frozen=True)
class Trade:
    """One kind of order. `effects` is its list in the truth, `keeps` the fields of the order told there."""

    partner: str
    effects: str
    prefix: str
    keeps: tuple[str, ...]
    decide: Callable[[Books, Order], Verdict]
    record: Callable[[Books, Order], None]


class Ledger:
    """The orders and what became of them. `clock` gives seconds since 1970, `pending_s` how long PENDING lasts.

    Effects that fell due are applied before anything is read or written: whoever asks, sees them, to the moment.
    """

    def __init__(self, books: Books, trades: Mapping[str, Trade], clock: Callable[[], float], pending_s: float) -> None:
        self._books = books
        self._trades = trades
        self._clock = clock
        self._pending_s = pending_s
        self._next_due = books.next_due() or math.inf
        self.era = 0

    def count(self, call: str, key: str) -> int:
        """Counts one more `call` about `key`; returns how many there are."""
        return self._books.count(call, key)

    def submit(self, order: Order, verdict: Verdict | None = None, pending_s: float | None = None) -> Request | None:
        """Carries `order` out, unless its id is known: then the answer is what the first one became.

        None when the id belongs to something else. A `verdict` overrules the partner's own.
        """
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            return self._submit(order, now, verdict, pending_s)

    def put_off(self, order: Order, delay_s: float) -> None:
        """Carries `order` out after `delay_s`, unless it is known or put off already."""
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            if self._books.request(order.partner, order.request_id) is None:
                self._put_off(order, now + delay_s)

    def find(self, partners: Sequence[str], request_id: str) -> Request | None:
        """The request of that id at the first of `partners` that knows it."""
        self._catch_up()
        found = (self._books.request(partner, request_id) for partner in partners)
        return next((request for request in found if request is not None), None)

    def note(self, key: str) -> str | None:
        self._catch_up()
        return self._books.note(key)

    def truth(self, after: int) -> tuple[int, dict[str, int], Callable[[str | None], Iterator[tuple[int, str, str]]]]:
        """(the last effect's number, calls counted by name, a reader of the effects since `after` by type)."""
        self._catch_up()
        upto = self._books.last_effect()
        return upto, self._books.counts(), lambda kind: self._books.effects(kind, after, upto)

    def clear(self) -> None:
        """Forgets everything; calls still on their way find that the `era` is another."""
        with self._books.transaction():
            self._books.clear()
            self._next_due = math.inf
            self.era += 1

    def _catch_up(self) -> None:
        if self._clock() >= self._next_due:
            with self._books.transaction():
                self._land(self._clock())

    def _land(self, now: float) -> None:
        while now >= self._next_due:
            taken = self._books.take_due(now)
            if taken is not None:
                order, due = taken
                known = self._books.request(order.partner, order.request_id)
                if known is None:
                    self._submit(order, due, None, None)
                elif known.status == PENDING and known.order == order:
                    self._finish(order, due, self._trades[order.call].decide(self._books, order))
            self._next_due = self._books.next_due() or math.inf

    def _submit(self, order: Order, now: float, verdict: Verdict | None, pending_s: float | None) -> Request | None:
        known = self._books.request(order.partner, order.request_id)
        if known is not None:
            return known if _meaning(known.order) == _meaning(order) else None
        verdict = verdict or self._trades[order.call].decide(self._books, order)
        if verdict.waits and verdict.reason is None:
            request = Request(order, PENDING, None, None)
            self._books.save_request(request)
            self._books.drop_put_off(order)
            self._put_off(order, now + (self._pending_s if pending_s is None else pending_s))
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
        told = {"request_id": order.request_id} | {name: order.content[name] for name in trade.keeps}
        return told | {"transaction_id": str(request.transaction_id), "at": when}

    def _put_off(self, order: Order, due: float) -> None:
        self._books.put_off(order, due)
        self._next_due = min(self._next_due, due)


def _meaning(order: Order) -> tuple[object, ...]:
    """What two orders must share to be the same one: "15000" and "15000.00" are."""
    amount = {"amount": Decimal(order.content["amount"])} if "amount" in order.content else {}
    return order.partner, order.call, {**order.content, **amount}


def _transaction_id(prefix: str, order: Order) -> str:
    # From the order and not from a counter, so that a repeated run gives the same ids in whatever order calls arrive.
    digest = hashlib.blake2b(json.dumps([order.partner, order.request_id]).encode(), digest_size=8)
    return f"{prefix}{digest.hexdigest().upper()}"
