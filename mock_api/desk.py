"""The desk: every partner call passes through it. It waits for the latency, applies the fate, and answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from flask import Response

from mock_api.answers import (
    AMBIGUOUS,
    AT_ONCE,
    CALLBACK,
    EARLY,
    EXPIRED,
    FORGED,
    OF_DIALECTS,
    STATUS_LAGS,
    SYNCHRONOUS,
    UNREACHABLE,
)
from mock_api.books import Order, Request
from mock_api.chance import Chance, Fate
from mock_api.ledger import PENDING, SUCCESSFUL, Ledger, Submission
from mock_api.notes import Notes
from mock_api.outbox import Outbox
from mock_api.phones import UNTIL_LANDED, Habit
from mock_api.reply import PLAIN, Manner, Reply, send
from mock_api.script import Script
from mock_api.trade import Verdict

_CLAIMED_AT = "2000-01-01T00:00:00.000Z"


@dataclass
class Desk:
    """Serves the calls of all partners.

    sleep: waits, given seconds.
    conclude: ends a PENDING order and sends its callback.
    """

    ledger: Ledger
    notes: Notes
    outbox: Outbox
    chance: Chance
    script: Script
    sleep: Callable[[float], None]
    conclude: Callable[[Order], None]

    def read(
        self,
        call: str,
        key: str,
        texts: Sequence[str],
        answer: Callable[[], Reply],
        habit: Habit | None = None,
        manner: Manner = PLAIN,
    ) -> Response:
        """Answers a call without an effect.

        key: what the call is about, for the count of calls.
        texts: the texts that scripted rules match.
        answer: returns the answer; called when the latency has passed.
        habit: the fixed answers; None leaves them to chance.
        """
        return self.ask(call, key, texts, lambda fate: answer(), habit, manner)

    def ask(
        self,
        call: str,
        key: str,
        texts: Sequence[str],
        answer: Callable[[Fate], Reply],
        habit: Habit | None = None,
        manner: Manner = PLAIN,
    ) -> Response:
        """As `read`, for an answer that depends on the call's fate."""
        fate = self._wait(call, key, texts, habit, manner.dialect)
        return send(fate, answer(fate), manner)

    def write(
        self,
        order: Order,
        habit: Habit | None = None,
        show: Callable[[Submission], Reply] | None = None,
        manner: Manner = PLAIN,
        key: str = "",
    ) -> Response:
        """Answers a call with an effect, and carries it out if its fate says so.

        show: words the answer; None for the sandbox's own contract.
        key: as for `read`; the order's id if empty.
        """
        show = show or _show
        texts = [order.request_id, *order.content.values()]
        fate = self._wait(order.call, key or order.request_id, texts, habit, manner.dialect)
        if fate.answer == UNTIL_LANDED:
            landed = self.ledger.find([order.partner], order.request_id)
            fate = replace(fate, answer="504-late" if landed is None else "ok")
        if fate.answer == "504-late":
            self.ledger.defer(order, fate.late_s)
        if fate.carried_out:
            return send(fate, show(self._carry_out(order, fate, texts)), manner)
        # Garbled answers claim success even if nothing was carried out: a client must not trust them.
        claim = Submission(Request(order, SUCCESSFUL, None, None, _CLAIMED_AT), fresh=True, same=True)
        return send(fate, show(claim), manner)

    def _wait(self, call: str, key: str, texts: Sequence[str], habit: Habit | None, dialect: str) -> Fate:
        resets = self.ledger.resets
        key = f"{dialect}:{key}" if dialect else key
        nth = self.ledger.count(call, key)
        fate = self.chance.draw(call, key, nth)
        if rule := self.script.take(call, texts, dialect):
            fate = rule.apply(fate)
        elif habit:
            fate = replace(fate, answer=habit(nth))
        self.sleep(fate.latency_s)
        # A call that started before a reset is lost.
        return fate if self.ledger.resets == resets else replace(fate, answer="504-lost", done=None)

    def _carry_out(self, order: Order, fate: Fate, texts: Sequence[str]) -> Submission:
        waiting = Verdict(waits=True)
        verdicts = {"failed": Verdict(fate.reason), "pending": waiting, EXPIRED: Verdict("EXPIRED")}
        verdict = (verdicts | {AMBIGUOUS: waiting, UNREACHABLE: waiting}).get(fate.answer)
        done = self.ledger.submit(order, verdict, fate.pending_s if verdict else None)
        if not done.fresh:
            return done
        if fate.answer == STATUS_LAGS:
            self.ledger.hide(order, fate.late_s)
        if fate.answer in OF_DIALECTS:
            self.notes.put(f"fault:{order.partner}:{order.request_id}", fate.answer)
        if "callback" in order.content:
            if fate.answer == UNREACHABLE:
                self.ledger.tell(order, UNREACHABLE)
            self._call_back_at_once(order, texts)
        if fate.answer == SYNCHRONOUS and order.partner in OF_DIALECTS[SYNCHRONOUS]:
            return done._replace(request=self.ledger.conclude(order) or done.request)
        return done

    def _call_back_at_once(self, order: Order, texts: Sequence[str]) -> None:
        rule = self.script.take(CALLBACK, texts, order.partner, AT_ONCE)
        fault = rule.answer if rule else self.chance.draw_callback(order.request_id)[0]
        if fault == FORGED:
            self.ledger.tell(order, FORGED, (rule and rule.late_s) or 0)
        if fault == EARLY and self.ledger.has_payer(order):
            self.conclude(order)


def _show(done: Submission) -> Reply:
    if not done.same:
        return {"error": "the request id was used for another request"}, 409
    return describe(done.request), 202 if done.request.status == PENDING else 200


def describe(done: Request) -> Mapping[str, object]:
    """Returns a request as partners report it: `{request_id, status, reason?, transaction_id?}`."""
    body = {"request_id": done.order.request_id, "status": done.status}
    return body | {k: v for k, v in (("reason", done.reason), ("transaction_id", done.transaction_id)) if v}
