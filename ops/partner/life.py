"""The life of one demand at the partner: from sending it until its status is final."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from ops.partner.subject import Subject
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

POLL_S = 0.25
"""Between enquiries until the status knows the reference: the lag is measured so finely."""
WAIT_S = 1.0
"""Between enquiries while a payer decides."""
ATTEMPTS = 3
"""The reply for a call that was surely not processed."""
REFUSAL = 400
"""The first HTTP status that refuses a request."""

Final = Confirmed | Declined | Mismatch


@dataclass(frozen=True, slots=True)
class Life:
    """What was seen of one demand. Times are in seconds since it was sent.

    demand: with what the partner has given us about it.
    answer: the reply to sending it; answer_s: when it came.
    known_s: when the status knew it; None if never.
    final: the final state, final_s later; None if it did not come in time.
    denied: whether the status denied it after it had known it, or reversed what the answer had said.
    asked: whether its status was asked.
    """

    demand: Demand
    answer: Reply
    answer_s: float
    known_s: float | None = None
    final: Final | None = None
    final_s: float | None = None
    denied: bool = False
    asked: bool = False

    @property
    def is_unseen(self) -> bool:
        """Whether the partner answered, but its status never knew the reference."""
        return self.asked and self.known_s is None and not isinstance(self.answer, Unknown)


def live(subject: Subject, service: Service, demand: Demand) -> Life:
    """Sends a demand and follows it."""
    began = subject.seconds()
    return follow(subject, service, send(subject, service, demand), began)


def send(subject: Subject, service: Service, demand: Demand) -> Life:
    """Sends a demand. What was surely not processed is sent again, as the partner's Retry-After says."""
    for attempt in range(ATTEMPTS):
        began = subject.seconds()
        demand = replace(demand, submitted_at=subject.clock.now())
        reply = service.submit(demand)
        answer_s = subject.since(began)
        if not (isinstance(reply, Unavailable) and reply.called) or attempt == ATTEMPTS - 1:
            break
        subject.sleep(max(WAIT_S, reply.retry_after_s))
    return Life(learnt(demand, reply), reply, answer_s)


def follow(subject: Subject, service: Service, life: Life, began: float) -> Life:
    """Asks for the status of what was sent until it is final, for `longest_s` at most."""
    ask, theirs = service.ask, service.asked_by_theirs
    ended = isinstance(life.answer, Declined | Unavailable)
    if ask is None or ended or (theirs and theirs not in life.demand.known):
        final = life.answer if isinstance(life.answer, Confirmed | Declined | Mismatch) else None
        return replace(life, final=final, final_s=life.answer_s if final else None)
    _ask_the_payer(subject, life)
    life = replace(life, asked=True)
    while True:
        asked_s = subject.since(began)
        reply = ask(life.demand)
        life = _with(life, reply, asked_s)
        if life.final is not None or subject.since(began) >= subject.longest_s:
            return life
        pause_s = POLL_S if life.known_s is None else WAIT_S
        subject.sleep(max(pause_s, reply.retry_after_s if isinstance(reply, Unavailable) else 0))


def _with(life: Life, reply: Reply, asked_s: float) -> Life:
    life = replace(life, demand=learnt(life.demand, reply))
    known_s = asked_s if life.known_s is None else life.known_s
    match reply:
        case Confirmed() | Declined() | Mismatch():
            reversed_ = isinstance(life.answer, Confirmed) and not isinstance(reply, Confirmed)
            return replace(life, known_s=known_s, final=reply, final_s=asked_s, denied=life.denied or reversed_)
        case Pending():
            return replace(life, known_s=known_s)
        case NotFound() if life.known_s is not None:
            return replace(life, denied=True)
        case _:
            return life


def _ask_the_payer(subject: Subject, life: Life) -> None:
    if isinstance(life.answer, Pending) and not is_duplicate(life.answer) and life.demand.debit is None:
        page = str(life.demand.known.get("redirect", ""))
        subject.show(page, f"The owner of {subject.phone} has to approve {life.demand.reference}.")


def learnt(demand: Demand, reply: Reply) -> Demand:
    """Returns the demand with the result of a reply."""
    result = reply.result if isinstance(reply, Confirmed | Pending) else {}
    return replace(demand, known={**demand.known, **result}) if result else demand


def words_of(reply: Reply) -> str:
    """A reply for people, with the partner's HTTP status."""
    http = reply.said.get("http")
    name = type(reply).__name__
    match reply:
        case Declined(code=code):
            name = f"{name} ({code})"
        case Mismatch(why=why):
            name = f"{name} ({why})"
        case Confirmed() | Pending() | NotFound():
            pass
        case _:
            name = f"{name} ({reply.why})"
    return f"{name}, HTTP {http}" if http and f"HTTP {http}" not in name else name


def is_duplicate(reply: Reply, codes: Collection[str] | None = None) -> bool:
    """Whether a reply refuses a reference because it is in use.

    codes: the refusals that can be meant so; None for all.
    """
    if isinstance(reply, Declined):
        return codes is None or reply.code in codes
    # The adapters take a refusal of a duplicate for Pending: the first request is the one that counts.
    return isinstance(reply, Pending) and int(reply.said.get("http", 0)) >= REFUSAL
