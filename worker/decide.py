"""The decision table: (operation, reply, now) -> operation. Pure: no clock, store, partner or randomness of its own."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from core.operation import Operation, Status, StepRecord, StepState
from worker.partners.guard import PutOff
from worker.partners.port import (
    Confirmed,
    Declined,
    NotFound,
    Pending,
    Reply,
    Unavailable,
    Unknown,
)
from worker.process import Stages, Step


@dataclass(frozen=True)
class Policy:
    """How patient we are, in seconds.

    settle_window_s: how long after it was sent a request may still land at the partner; must exceed his longest answer.
    first_enquiry_s: the first enquiry after an unknown outcome comes within this.
    """

    settle_window_s: float
    first_enquiry_s: float = 1.5
    longest_retry_s: float = 60
    longest_enquiry_s: float = 15 * 60
    in_doubt_after_s: float = 15 * 60
    review_after_s: float = 24 * 3600


WORKABLE = frozenset({Status.ACCEPTED, Status.PROCESSING, Status.IN_DOUBT})
"""What a worker may move: the others have ended, or wait for their owner or for a person."""


ASKED_AT_LEAST = 5
"""Before a person is called: after a day on which our own workers were down, the partner is first given a chance."""


class Verb(Enum):
    SUBMIT = "submit"
    ENQUIRE = "enquire"


@dataclass(frozen=True)
class Work:
    step: Step
    verb: Verb


def work_now(stages: Stages, operation: Operation, now: datetime) -> list[Work]:
    """What can be done for the operation at this moment; empty when it has ended, waits, or waits for a person."""
    if operation.status not in WORKABLE:
        return []
    work = []
    for step in _current(stages, operation):
        record = operation.step(step.name)
        if record.next_at is None or record.next_at <= now:
            asks = record.state is StepState.SUBMITTED and step.enquire is not None
            work.append(Work(step, Verb.ENQUIRE if asks else Verb.SUBMIT))
    return work


def begin(operation: Operation, work: list[Work], now: datetime) -> Operation:
    """The operation with the intent of this work in it. To be saved before any of the calls is made."""
    operation = operation.moved(Status.PROCESSING, now) if operation.status is Status.ACCEPTED else operation
    for item in work:
        record = operation.step(item.step.name)
        if item.verb is Verb.ENQUIRE:
            # An intent without a reply means that a worker died in mid-call; the partner is only asked from now on.
            record = replace(record, enquiries=record.enquiries + 1, doubt_since=record.doubt_since or now)
        else:
            record = replace(
                record,
                state=StepState.SUBMITTED,
                attempts=record.attempts + 1,
                enquiries=0,
                begun_at=record.begun_at or now,
                submitted_at=now,
            )
            event, text = ("step_begun", "begun") if record.attempts == 1 else ("step_repeated", "asked again")
            operation = operation.noted(now, event, f"{item.step.label}: {text}", item.step.name)
        operation = operation.with_step(item.step.name, replace(record, next_at=None))
    return operation


def put_off(
    stages: Stages, operation: Operation, work: Work, wait: PutOff, now: datetime, policy: Policy, jitter: float
) -> Operation:
    """The operation of which a call was not let in. Only an outage of the partner counts towards its deadline."""
    step, known = work.step, operation.step(work.step.name)
    if wait.down and work.verb is Verb.SUBMIT:
        operation = operation.moved(Status.PROCESSING, now) if operation.status is Status.ACCEPTED else operation
        operation = operation.with_step(step.name, replace(known, begun_at=known.begun_at or now))
        return _not_sent(
            stages, operation, step, Unavailable("not called: it is down", wait.wait_s), now, policy, jitter
        )
    doubt_since = known.doubt_since or now if work.verb is Verb.ENQUIRE else known.doubt_since
    return operation.with_step(
        step.name, replace(known, doubt_since=doubt_since, next_at=now + timedelta(seconds=wait.wait_s))
    )


def record(
    stages: Stages, operation: Operation, work: Work, reply: Reply, now: datetime, policy: Policy, jitter: float
) -> Operation:
    """The operation after a partner's reply. jitter: a random number from 0 to 1 that spreads the next attempt."""
    step = work.step
    if step.enquire is None and isinstance(reply, Unknown | Pending | NotFound):
        reply = Unavailable(getattr(reply, "why", "no answer"))  # It may be repeated freely, so nothing is in doubt.
    match reply:
        case Confirmed():
            operation = _ended(operation, step, StepState.DONE, reply)
            text = "done" if work.verb is Verb.SUBMIT else "the partner says that it is done"
            return operation.noted(now, "step_done", f"{step.label}: {text}", step.name)
        case Declined(code=code) if code in step.echoes and operation.step(step.name).attempts > 1:
            # At a partner that does not repeat its answers this may be the echo of our own earlier attempt.
            return _review(operation, step, f"declined ({code}), perhaps because of our own earlier attempt", now)
        case Declined(code=code) if step.owed:
            return _review(operation, step, f"declined ({code}), and owed all the same", now)
        case Declined():
            return _declined(stages, operation, step, reply, now)
        case Unavailable() if work.verb is Verb.SUBMIT:
            return _not_sent(stages, operation, step, reply, now, policy, jitter)
        case _:
            return _in_the_dark(operation, step, reply, now, policy, jitter)


def conclude(stages: Stages, operation: Operation, now: datetime, policy: Policy) -> Operation:
    """The operation moved to its end when nothing is left to do, or else due when its next step is."""
    if operation.status not in WORKABLE:
        return replace(operation, due_at=None)
    current = _current(stages, operation)
    if operation.status is not Status.ACCEPTED:
        doubts_s = (_doubt_s(operation.step(step.name), now) for step in current)
        doubtful = any(doubt_s >= policy.in_doubt_after_s for doubt_s in doubts_s)
        operation = operation.moved(Status.IN_DOUBT if doubtful else Status.PROCESSING, now)
    if current:
        return replace(operation, due_at=min(operation.step(step.name).next_at or now for step in current))
    return operation.moved(_end(stages, operation), now)


def _current(stages: Stages, operation: Operation) -> list[Step]:
    """The steps that come next: those of the first unfinished stage, or the next one to undo."""
    for stage in stages:
        states = {step.name: operation.step(step.name).state for step in stage}
        unfinished = [step for step in stage if not operation.step(step.name).ended]
        if any(states[step.name] is StepState.DECLINED and not step.part for step in stage):
            # Its neighbours are not begun any more, but what was sent must be known before it can be undone.
            sent = [step for step in unfinished if states[step.name] is StepState.SUBMITTED]
            return sent or _next_undo(stages, operation)
        if unfinished:
            return unfinished
    return _next_undo(stages, operation) if _any_declined(stages, operation) else []


def _next_undo(stages: Stages, operation: Operation) -> list[Step]:
    for step in reversed([step for stage in stages for step in stage]):
        done = operation.step(step.name).state is StepState.DONE
        if step.undo and done and operation.step(step.undo.name).state is not StepState.DONE:
            return [step.undo]
    return []


def _any_declined(stages: Stages, operation: Operation) -> bool:
    return any(operation.step(step.name).state is StepState.DECLINED for stage in stages for step in stage)


def _end(stages: Stages, operation: Operation) -> Status:
    if not _any_declined(stages, operation):
        return Status.SUCCEEDED
    done = [step for stage in stages for step in stage if operation.step(step.name).state is StepState.DONE]
    if any(step.part for step in done):
        return Status.PARTIALLY_SUCCEEDED
    return Status.REFUNDED if any(step.moves_money for step in done) else Status.FAILED


def _doubt_s(record: StepRecord, now: datetime) -> float:
    return (now - record.doubt_since).total_seconds() if record.doubt_since else 0


def _ended(operation: Operation, step: Step, state: StepState, reply: Confirmed | Declined) -> Operation:
    known = operation.step(step.name)
    error = reply.code if isinstance(reply, Declined) else None
    ended = replace(known, state=state, result=reply.result, doubt_since=None, next_at=None, last_error=error)
    return operation.with_step(step.name, ended)


def _declined(stages: Stages, operation: Operation, step: Step, reply: Declined, now: datetime) -> Operation:
    if not any(step.name == forward.name for stage in stages for forward in stage):
        return _review(operation, step, f"giving back was declined ({reply.code})", now)
    operation = _ended(operation, step, StepState.DECLINED, reply)
    if operation.error is None:
        operation = replace(operation, error={"code": reply.code, "step": step.name, **reply.result})
    return operation.noted(now, "step_declined", f"{step.label}: declined ({reply.code})", step.name)


def _not_sent(
    stages: Stages, operation: Operation, step: Step, reply: Unavailable, now: datetime, policy: Policy, jitter: float
) -> Operation:
    known = operation.step(step.name)
    give_up_at = (known.begun_at or now) + timedelta(seconds=step.deadline_s)
    if now >= give_up_at:
        if _money_moved(stages, operation):
            return _review(operation, step, f"the partner was not available for too long ({reply.why})", now)
        return _declined(stages, operation, step, Declined("partner_unavailable"), now)
    wait_s = max(_backoff(step.first_retry_s, known.attempts - 1, policy.longest_retry_s, jitter), reply.retry_after_s)
    waiting = replace(
        known,
        state=StepState.WAITING,
        doubt_since=None,
        next_at=min(now + timedelta(seconds=wait_s), give_up_at),
        last_error=reply.why,
    )
    operation = operation.with_step(step.name, waiting)
    return operation.noted(now, "step_unavailable", f"{step.label}: partner not available ({reply.why})", step.name)


def _in_the_dark(
    operation: Operation, step: Step, reply: Reply, now: datetime, policy: Policy, jitter: float
) -> Operation:
    """Pending, Unknown, or an enquiry that did not settle it: enquire later, and tell people when it takes too long."""
    known = operation.step(step.name)
    submitted_at = known.submitted_at or now
    settles_in_s = policy.settle_window_s - (now - submitted_at).total_seconds()
    wait_s = _backoff(policy.first_enquiry_s, known.enquiries, policy.longest_enquiry_s, jitter)
    if settles_in_s > 0:
        wait_s = min(wait_s, settles_in_s)  # From then on, not to be found is an answer.
    next_at = now + timedelta(seconds=max(wait_s, getattr(reply, "retry_after_s", 0)))
    acknowledged = known.acknowledged or isinstance(reply, Pending)
    known = replace(
        known,
        doubt_since=known.doubt_since or submitted_at,
        acknowledged=acknowledged,
        next_at=next_at,
        last_error=_told(reply),
    )
    # Of a request that it once had, a partner that does not find it has lost sight; it has not become undone.
    if isinstance(reply, NotFound) and not acknowledged and settles_in_s <= 0:
        known = replace(known, state=StepState.WAITING, next_at=now, begun_at=None)
    operation = operation.with_step(step.name, known)
    operation = operation.noted(now, "step_unresolved", f"{step.label}: {_told(reply)}", step.name)
    asked = known.attempts + known.enquiries
    if known.state is StepState.SUBMITTED and _doubt_s(known, now) >= policy.review_after_s and asked >= ASKED_AT_LEAST:
        return _review(operation, step, "the partner has not said for a day what it did", now)
    return operation


def _told(reply: Reply) -> str:
    match reply:
        case Pending():
            return "the partner will tell later"
        case NotFound():
            return "the partner has no such request yet"
        case Unknown(why=why) | Unavailable(why=why):
            return f"no usable answer ({why})"
        case _:
            return "answered"


def _review(operation: Operation, step: Step, why: str, now: datetime) -> Operation:
    known = replace(operation.step(step.name), next_at=None, last_error=why)
    operation = operation.with_step(step.name, known).noted(now, "step_stuck", f"{step.label}: {why}", step.name)
    return operation.moved(Status.NEEDS_REVIEW, now)


def _money_moved(stages: Stages, operation: Operation) -> bool:
    moving = (step for stage in stages for step in stage if step.moves_money)
    return any(operation.step(step.name).state is StepState.DONE for step in moving)


def _backoff(first_s: float, attempt: int, longest_s: float, jitter: float) -> float:
    """Exponential with half of it jittered, in seconds: at most first_s for attempt 0, doubling, at most longest_s."""
    return float(min(first_s * 2.0 ** min(attempt, 30), longest_s) * (0.5 + 0.5 * jitter))
