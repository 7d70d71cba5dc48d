"""The probes that move no money: connection, credentials, clock, and a reference that was never sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ops.partner.life import ATTEMPTS, WAIT_S, words_of
from ops.partner.subject import Reached, Row, Subject, Verdict
from worker.partners.operators.client import uuid4_of
from worker.partners.operators.port import Demand, Dialect
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

SIGNED = ("daraja", "gsma")
"""Dialects whose requests carry our time."""
CAREFUL_SKEW_S, UNSAFE_SKEW_S = 60, 300
REFUSED = (401, 403)
BAD_REQUEST = 400
NO_CREDENTIALS = "none are configured: whoever reaches the service can use it"


@dataclass(frozen=True, slots=True)
class Opening:
    """The first call: an enquiry for a demand that was never sent.

    reply: its answer; took_s: how long the first attempt took.
    prepared: the answer to the preparation, in a dialect that has one.
    """

    demand: Demand
    reply: Reply
    took_s: float
    prepared: Reply | None = None


def open_with(subject: Subject) -> Opening:
    """Makes the first call. A dialect that prepares its debits prepares one: that moves no money."""
    service = subject.dialect.debits
    began, demand = subject.seconds(), never_sent(subject)
    prepared, prepare = None, service.prepare
    if prepare is not None:
        prepared = _again(subject, lambda: prepare(demand))
        if not isinstance(prepared, Confirmed):
            return Opening(demand, prepared, subject.since(began), prepared)
        demand = replace(demand, known=prepared.result)
    took_s = subject.since(began)
    reply = ask(subject.dialect, demand)
    if prepared is None:
        took_s = subject.since(began)
    if isinstance(reply, Unknown | Unavailable) and not is_refused(reply):
        reply = _again(subject, lambda: ask(subject.dialect, demand))
    return Opening(demand, reply, took_s, prepared)


def never_sent(subject: Subject) -> Demand:
    """A demand that the partner cannot know, by any id."""
    demand, theirs = subject.demand("debit"), subject.dialect.debits.asked_by_theirs
    return replace(demand, known={theirs: uuid4_of(demand.reference)}) if theirs else demand


def ask(dialect: Dialect, demand: Demand) -> Reply:
    """Asks for the status of a debit."""
    asked = dialect.debits.ask
    return Unknown("it cannot be asked") if asked is None else asked(demand)


def _again(subject: Subject, call: Callable[[], Reply]) -> Reply:
    """Makes a call that moves no money, a few times if it has no usable answer."""
    for _ in range(ATTEMPTS - 1):
        reply = call()
        if not isinstance(reply, Unknown | Unavailable) or is_refused(reply):
            return reply
        subject.sleep(WAIT_S)
    return call()


def is_refused(reply: Reply) -> bool:
    """Whether a reply refuses the credentials. A call for a token is refused with 400, too: RFC 6749, section 5.2."""
    http, asked_for_token = reply.said.get("http"), isinstance(reply, Unavailable) and reply.why.startswith("no token")
    return http in REFUSED or (asked_for_token and http == BAD_REQUEST)


def connectivity(reached: Reached, opening: Opening | None) -> Row:
    if reached.failed or opening is None:
        return Row("connectivity", reached.seen, Verdict.UNSAFE)
    seen = f"{reached.seen}; the first call took {opening.took_s:.2f} s"
    if isinstance(opening.reply, Unavailable) and opening.reply.why == "no connection":
        return Row("connectivity", f"{seen}: no connection", Verdict.UNSAFE)
    if reached.plain:
        return Row("connectivity", f"{seen}; without TLS", Verdict.CAREFUL)
    return Row("connectivity", seen, Verdict.OK)


def credentials(subject: Subject, opening: Opening) -> Row:
    if subject.wrong is None and subject.operator.certificate:
        return Row("credentials", "only a client certificate is configured: a wrong one was not tried", Verdict.UNKNOWN)
    if subject.wrong is None:
        return Row("credentials", NO_CREDENTIALS, Verdict.CAREFUL)
    if is_refused(opening.reply):
        return Row("credentials", f"ours are refused: {words_of(opening.reply)}", Verdict.UNSAFE)
    if isinstance(opening.reply, Unavailable):
        return Row("credentials", words_of(opening.reply), Verdict.UNKNOWN)
    prepare, wrong = subject.wrong.debits.prepare, subject.wrong
    # The enquiry is for a demand that nobody has sent: wrong credentials can do no harm.
    reply = _again(subject, lambda: prepare(opening.demand) if prepare else ask(wrong, opening.demand))
    seen = f"ours are taken; wrong ones: {words_of(reply)}"
    if is_refused(reply):
        return Row("credentials", seen, Verdict.OK)
    taken = isinstance(reply, Confirmed | Pending | NotFound)
    return Row("credentials", seen, Verdict.UNSAFE if taken else Verdict.UNKNOWN)


def clock(subject: Subject) -> Row:
    skew_s = subject.skew_s()
    if skew_s is None:
        return Row("clock", "the answer has no Date", Verdict.UNKNOWN)
    seen = f"its Date differs from our time by {abs(skew_s):.0f} s"
    if abs(skew_s) > UNSAFE_SKEW_S and subject.operator.dialect in SIGNED:
        return Row("clock", f"{seen}, and our requests carry our time", Verdict.UNSAFE)
    return Row("clock", seen, Verdict.CAREFUL if abs(skew_s) > CAREFUL_SKEW_S else Verdict.OK)


def unknown_reference(subject: Subject, opening: Opening) -> Row:
    """A debit that was never sent must not be reported as made, nor as refused."""
    name, seen = "a reference never sent", words_of(opening.reply)
    service = subject.dialect.debits
    if opening.prepared is not None and not isinstance(opening.prepared, Confirmed):
        return Row(name, f"the preparation failed: {seen}", Verdict.UNKNOWN)
    match opening.reply:
        case Confirmed() | Declined():
            return Row(name, f"{seen}: a debit that was lost would count as ended", Verdict.UNSAFE)
        case NotFound():
            return Row(name, seen, Verdict.OK)
        case Pending() if service.prepare is not None:
            return Row(name, f"{seen}: it was prepared, and moves no money", Verdict.OK)
        case Unavailable():
            return Row(name, seen, Verdict.UNKNOWN)
        case _ if service.asked_by_theirs:
            return Row(name, f"{seen}, by an id that it never gave", Verdict.OK)
        case _:
            return Row(name, f"{seen}, not NotFound: a debit that was lost waits for a person", Verdict.CAREFUL)
