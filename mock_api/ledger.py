"""Carries out orders: each once, at its time, by the rules of its partner."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from mock_api.books import Books, Order, Request
from mock_api.outbox import FINAL, Outbox
from mock_api.times import iso
from mock_api.trade import Trade, Trades, Verdict

PENDING, SUCCESSFUL, FAILED = "PENDING", "SUCCESSFUL", "FAILED"

Effects = Callable[[str | None], Iterator[tuple[int, str, str]]]
"""A reader of effects by type; None for all. It yields (seq, type, JSON text)."""


class Submission(NamedTuple):
    """What became of an order.

    request: the state of the order with this id.
    fresh: whether the id is new.
    same: whether the id belongs to an order with the same content.
    """

    request: Request
    fresh: bool
    same: bool


class Ledger:
    """The orders and their states. Deferred effects that are due are applied before every read and write.

    clock: returns the time, in seconds since 1970.
    pending_s: how long PENDING lasts.
    resets: how often everything was cleared.
    """

    def __init__(
        self, books: Books, outbox: Outbox, trades: Trades, clock: Callable[[], float], pending_s: float
    ) -> None:
        self._books = books
        self._outbox = outbox
        self._trades = trades
        self._clock = clock
        self._pending_s = pending_s
        self._next_due = books.next_due() or math.inf
        self.resets = 0

    def count(self, call: str, key: str) -> int:
        """Counts a `call` about `key`. Returns how many there have been."""
        return self._books.count(call, key)

    def submit(self, order: Order, verdict: Verdict | None = None, pending_s: float | None = None) -> Submission:
        """Carries out an order, or finds the earlier one with the same id.

        verdict: replaces the partner's decision.
        pending_s: replaces how long PENDING lasts.
        """
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            existing = self._books.request(order.partner, order.request_id)
            if existing is not None:
                return Submission(existing, fresh=False, same=_canonical(existing.order) == _canonical(order))
            return Submission(self._submit(order, now, verdict, pending_s), fresh=True, same=True)

    def conclude(
        self, order: Order, verdict: Verdict | None = None, changes: Mapping[str, str] | None = None
    ) -> Request | None:
        """Ends a PENDING order now, as when the payer has answered. Does nothing to any other order.

        verdict: replaces the partner's decision.
        changes: fields of the order that are known only now, such as the payer's phone.
        Returns the order's state, or None.
        """
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            existing = self._books.request(order.partner, order.request_id)
            if existing is None or existing.status != PENDING:
                return existing
            self._books.drop_deferred(existing.order)
            known = existing.order._replace(content={**existing.order.content, **(changes or {})})
            return self._finish(known, now, verdict or self._outcome(known))

    def has_payer(self, order: Order) -> bool:
        """Returns whether somebody answers an order. Otherwise it can only expire, in its time."""
        return self._outcome(order).reason != "EXPIRED"

    def postpone(self, order: Order, due: float, verdict: Verdict) -> None:
        """Gives a PENDING order another end: `verdict` at `due`, in seconds since 1970."""
        with self._books.transaction():
            self._land(self._clock())
            self._books.drop_deferred(order)
            self._books.write_note(_note("outcome", order.partner, order.request_id), verdict.reason or "")
            self._defer(order, due)

    def hide(self, order: Order, for_s: float) -> None:
        """Makes enquiries not find an order for some time, as when the status lags behind the effect."""
        until = self._clock() + for_s
        self._books.write_note(_note("hidden", order.partner, order.request_id), str(until))

    def tell(self, order: Order, kind: str, after_s: float = 0.0) -> None:
        """Stores a callback about an order, to be sent after some time."""
        with self._books.transaction():
            self._outbox.add(order, kind, self._clock() + after_s)

    def now(self) -> float:
        """Returns the time, in seconds since 1970."""
        return self._clock()

    def defer(self, order: Order, delay_s: float) -> None:
        """Carries out an order after `delay_s`, unless its id exists or is deferred already."""
        now = self._clock()
        with self._books.transaction():
            self._land(now)
            if self._books.request(order.partner, order.request_id) is None:
                self._defer(order, now + delay_s)

    def find(self, partners: Sequence[str], request_id: str) -> Request | None:
        """Returns the request with this id at the first of `partners` that has one, or None."""
        self.catch_up()
        found = (self._books.request(partner, request_id) for partner in partners)
        return next((request for request in found if request is not None and not self._hidden(request.order)), None)

    def look(self, partner: str, request_id: str) -> Request | None:
        """Returns the request with this id, hidden or not, or None."""
        return self._books.request(partner, request_id)

    def note(self, key: str) -> str | None:
        self.catch_up()
        return self._books.note(key)

    def truth(self, after: int) -> tuple[int, dict[str, int], Effects]:
        """Returns the last effect's number, the counts of calls by name, and a reader of effects by type.

        after: the reader yields the effects with a larger number.
        """
        self.catch_up()
        upto = self._books.last_effect()
        return upto, self._books.counts(), lambda kind: self._books.effects(kind, after, upto)

    def clear(self) -> None:
        """Deletes everything. Calls in flight notice it by `resets`."""
        with self._books.transaction():
            self._books.clear()
            self._outbox.clear()
            self._next_due = math.inf
            self.resets += 1

    def catch_up(self) -> None:
        """Applies the deferred effects that are due."""
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
                    self._finish(order, due, self._outcome(order))
            self._next_due = self._books.next_due() or math.inf

    def _hidden(self, order: Order) -> bool:
        until = self._books.note(_note("hidden", order.partner, order.request_id))
        return until is not None and self._clock() < float(until)

    def _outcome(self, order: Order) -> Verdict:
        scripted = self._books.note(_note("outcome", order.partner, order.request_id))
        if scripted is not None:
            return Verdict(scripted or None)
        return self._trades[order.partner, order.call].decide(self._books, order)

    def _submit(self, order: Order, now: float, scripted: Verdict | None, pending_s: float | None) -> Request:
        trade = self._trades[order.partner, order.call]
        verdict = scripted or trade.decide(self._books, order)
        if scripted and trade.waits:
            self._books.write_note(_note("outcome", order.partner, order.request_id), scripted.reason or "")
            if not scripted.waits:
                verdict = replace(trade.decide(self._books, order), reason=scripted.reason)
        if not (verdict.waits or trade.waits):
            return self._finish(order, now, verdict)
        request = Request(order, PENDING, None, None)
        self._books.save_request(request)
        self._books.drop_deferred(order)
        wait_s = next(wait_s for wait_s in (pending_s, verdict.after_s, self._pending_s) if wait_s is not None)
        if wait_s < math.inf:
            self._defer(order, now + wait_s)
        return request

    def _finish(self, order: Order, at: float, verdict: Verdict) -> Request:
        trade = self._trades[order.partner, order.call]
        if verdict.reason is not None:
            request = Request(order, FAILED, verdict.reason, None, iso(at))
        else:
            request = Request(order, SUCCESSFUL, None, trade.number(order), iso(at))
            trade.record(self._books, order)
            self._books.add_effect(trade.effects, _effect(trade, request))
        self._books.save_request(request)
        if "callback" in order.content:
            self._outbox.add(order, FINAL, at)
        return request

    def _defer(self, order: Order, due: float) -> None:
        self._books.defer(order, due)
        self._next_due = min(self._next_due, due)


def _note(kind: str, partner: str, request_id: str) -> str:
    return f"{kind}:{partner}:{request_id}"


def _effect(trade: Trade, request: Request) -> dict[str, str]:
    content = request.order.content
    effect = {"request_id": content.get("caller_id", request.order.request_id)}
    effect |= {name: content[name] for name in trade.reported if name in content}
    return {**effect, "transaction_id": str(request.transaction_id), "at": str(request.at), **trade.fixed}


def _canonical(order: Order) -> tuple[object, ...]:
    """Returns what two orders must share to be the same. The amounts "15000" and "15000.00" are the same."""
    amount = {"amount": Decimal(order.content["amount"])} if "amount" in order.content else {}
    return order.partner, order.call, {**order.content, **amount}
