"""The probes that move money: a debit, its reference again, and a refund."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.money import exponent
from ops.partner.life import Final, Life, follow, learnt, live, send, words_of
from ops.partner.repeats import Repeat, judge, made, row
from ops.partner.subject import Row, Subject, Verdict
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, Mismatch, Unavailable, Unknown

NO_DEBIT = "needs a debit that succeeds"
NOTHING_SENT = "nothing is sent again: the payer confirms one order, on one page"
SETTLING_S = 2.0
"""The shortest wait for a second effect before the record is read."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What probes have seen: rows, the lives they rest on, and how each repeat ended."""

    rows: tuple[Row, ...]
    lives: tuple[Life, ...] = ()
    repeats: tuple[Repeat, ...] = ()

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.rows + other.rows, self.lives + other.lives, self.repeats + other.repeats)


def debit(subject: Subject) -> Moved:
    """Debits once, and watches the status until it is final."""
    demand = _prepared(subject)
    if not isinstance(demand, Demand):
        return Moved((Row("debit", f"the preparation failed: {words_of(demand)}", Verdict.UNKNOWN),))
    life = live(subject, subject.dialect.debits, demand)
    if isinstance(life.answer, Declined | Unavailable):
        return Moved((_accepted(life),), (life,))
    return Moved((_accepted(life), _lag(subject, life), _ended(subject, life)), (life,))


def _prepared(subject: Subject) -> Demand | Declined | Unknown | Unavailable:
    demand, prepare = subject.demand("debit"), subject.dialect.debits.prepare
    if prepare is None:
        return demand
    reply = send(subject, Service(prepare), demand).answer
    if isinstance(reply, Confirmed):
        return replace(demand, known=reply.result)
    return reply if isinstance(reply, Declined | Unavailable) else Unknown("no usable answer", said=reply.said)


def _accepted(life: Life) -> Row:
    seen = f"{words_of(life.answer)}, after {life.answer_s:.2f} s"
    match life.answer:
        case Declined():
            return Row("debit", f"{seen}: {NO_DEBIT}", Verdict.UNKNOWN)
        case Unknown() if life.final is not None:
            return Row("debit", f"{seen}: a lost answer, whose outcome was found by asking", Verdict.OK)
        case Unknown() | Unavailable():
            return Row("debit", seen, Verdict.UNKNOWN)
        case _:
            return Row("debit", seen, Verdict.OK)


def _lag(subject: Subject, life: Life) -> Row:
    name = "status lag"
    if not life.asked:
        return Row(name, "it cannot be asked", Verdict.UNKNOWN)
    if life.known_s is None and not life.is_unseen:
        lost = f"the answer was lost, and the status did not know it within {subject.longest_s:g} s: check again"
        return Row(name, lost, Verdict.UNKNOWN)
    if life.known_s is None:
        return Row(name, f"the status did not know it within {subject.longest_s:g} s", Verdict.UNSAFE)
    if life.denied:
        return Row(name, "the status knew it, and denied it later", Verdict.UNSAFE)
    seen = f"known to the status {life.known_s:.2f} s after sending"
    late = life.known_s >= subject.operator.settle_window_s
    return Row(name, seen, Verdict.CAREFUL if late else Verdict.OK)


def _ended(subject: Subject, life: Life) -> Row:
    name = "final state"
    if life.final is None or life.final_s is None:
        waited = f"none within {subject.longest_s:g} s" if life.asked else "it cannot be asked; a callback reports it"
        return Row(name, waited, Verdict.UNKNOWN)
    seen = f"{words_of(life.final)}, after {life.final_s:.2f} s"
    if isinstance(life.final, Confirmed | Declined):
        return Row(name, seen, Verdict.OK)
    return Row(name, seen, Verdict.UNSAFE)


def again_when_final(subject: Subject, first: Life) -> Moved:
    """Sends the reference of a debit that has succeeded."""
    second = live(subject, subject.dialect.debits, first.demand)
    return _repeated(subject, "repeat, when final", first, second)


def again_while_pending(subject: Subject) -> Moved:
    """Sends a debit twice without a pause."""
    name, service, demand = "repeat, at once", subject.dialect.debits, _prepared(subject)
    if not isinstance(demand, Demand):
        return Moved((Row(name, f"the preparation failed: {words_of(demand)}", Verdict.UNKNOWN),))
    began = subject.seconds()
    sent = send(subject, service, demand)
    if isinstance(sent.answer, Declined | Unavailable):
        return Moved((Row(name, f"{words_of(sent.answer)}: {NO_DEBIT}", Verdict.UNKNOWN),), (sent,))
    later = subject.seconds()
    second = send(subject, service, sent.demand)
    first = follow(subject, service, sent, began)
    repeated = _repeated(subject, name, first, follow(subject, service, second, later))
    # The status of the second was asked late, so only the first shows a lag.
    return replace(repeated, lives=(first,))


def another_amount(subject: Subject, first: Life) -> Moved:
    """Sends another amount under the reference of a debit that has succeeded."""
    name, service = "another amount, same reference", subject.dialect.debits
    more = first.demand.minor + 10 ** exponent(subject.currency)
    second = send(subject, service, replace(first.demand, minor=more))
    _settle(subject, first)
    if service.ask is not None and first.asked and not service.asked_by_theirs:
        # Whatever the answer: the reference must still stand for the first amount.
        now = service.ask(first.demand)
        if isinstance(now, Confirmed):
            second = replace(second, demand=learnt(second.demand, now))
        elif isinstance(now, Declined | Mismatch):
            seen = f"{words_of(second.answer)}; the status of the first is now {words_of(now)}"
            return Moved((Row(name, seen, Verdict.UNSAFE),), (second,), (Repeat.AGAIN,))
    return _repeated(subject, name, first, second)


def _repeated(subject: Subject, name: str, first: Life, second: Life) -> Moved:
    service = subject.dialect.debits
    count = _count(subject, "debits", service.recorded_as, first, second)
    repeat = judge(first, second, count)
    is_repeated = service.ask is not None and not service.asked_by_theirs
    if service.prepare is not None and not second.answer.said and count in (None, 1):
        return Moved((Row(name, NOTHING_SENT, Verdict.OK),), (), (Repeat.ECHO,))
    found = row(name, second, repeat, count, is_repeated=is_repeated)
    if second.denied:
        found = Row(name, f"{found.seen}; the status denied it", Verdict.UNSAFE)
    return Moved((found,), (second,), (repeat,))


def refund(subject: Subject, debited: Life) -> Moved:
    """Gives the debit back, and sends the reference of the refund again."""
    service = subject.dialect.refunds
    if service is None:
        return Moved((Row("refund", "the dialect has none: a person gives money back", Verdict.CAREFUL),))
    first = live(subject, service, subject.demand("refund", debited.demand))
    seen = f"{words_of(first.answer)}, after {first.answer_s:.2f} s"
    if not isinstance(first.final, Confirmed):
        if isinstance(first.answer, Unavailable) and not first.answer.called:
            return Moved((Row("refund", f"not sent: {first.answer.why}", Verdict.UNKNOWN),))
        end = f"; {_final(first.final)}" if first.asked else ""
        return Moved((Row("refund", f"{seen}{end}", Verdict.UNKNOWN),), (first,))
    how = f"{words_of(first.final)}, after {first.final_s:.2f} s" if first.asked else "it cannot be asked"
    done = Row("refund", f"{seen}; status: {how}", Verdict.OK if first.asked else Verdict.CAREFUL)
    second = live(subject, service, first.demand)
    count = _count(subject, "refunds", service.recorded_as, first, second)
    repeat = judge(first, second, count, is_refund=True)
    is_repeated = service.ask is not None
    again = row("refund, same reference again", second, repeat, count, is_repeated=is_repeated)
    return Moved((done, again), (first, second))


def _final(final: Final | None) -> str:
    return "no final status" if final is None else words_of(final)


def _count(subject: Subject, kind: str, recorded_as: Callable[[Demand], str], first: Life, second: Life) -> int | None:
    """How often the partner's record has a demand, once a second effect has had its time."""
    if subject.record() is None:
        return None
    _settle(subject, first)
    return made(subject.record(), kind, {recorded_as(life.demand) for life in (first, second)} - {""})


def _settle(subject: Subject, first: Life) -> None:
    """Waits for as long as the first effect took."""
    subject.sleep(max(SETTLING_S, first.final_s or 0))
