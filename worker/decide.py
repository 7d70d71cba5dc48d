"""The decision table: (operation, reply, now) -> operation. Pure: uses no clock, store, partner or randomness."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import accumulate

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from worker.partners.breaker import Deferral
from worker.partners.port import (
    Confirmed,
    Declined,
    Mismatch,
    NotFound,
    Pending,
    Reply,
    Unavailable,
    Unknown,
)
from worker.policy import Context
from worker.process import Enquirable, Refusal, Repeatable, Stages, Step, Unaskable
from worker.progress import current_steps, end_of, money_moved

WORKABLE = frozenset({Status.ACCEPTED, Status.PROCESSING, Status.IN_DOUBT})
"""Statuses in which a worker may work. The others have ended, or wait for their owner or for a person."""


MIN_CALLS_BEFORE_REVIEW = 5
"""Calls of a step before an unknown outcome needs a person. After a day on which our own workers were down, the partner
is still asked a few times first."""
SPREAD = 0.1
"""How far a planned retry may be from its time, as a share of the wait."""
NO_USABLE_ANSWER = "no usable answer"


class Verb(Enum):
    SUBMIT = "submit"
    ENQUIRE = "enquire"
    LISTEN = "listen"  # see what callbacks say: the partner is not called


@dataclass(frozen=True)
class Work:
    step: Step
    verb: Verb

    def call(self, operation: Operation) -> Reply:
        """Makes the call. It may raise what the adapter raises."""
        match self.verb, self.step.recovery:
            case Verb.ENQUIRE, Enquirable(ask=ask) | Unaskable(ask=ask) if ask:
                return ask(operation)
            case Verb.LISTEN, Unaskable(hear=hear):
                return hear(operation)
            case _:
                return self.step.submit(operation)


SOURCES = {
    Verb.SUBMIT: "",
    Verb.ENQUIRE: ", according to the partner's status",
    Verb.LISTEN: ", according to the partner's callback",
}


def work_now(stages: Stages, operation: Operation, now: datetime) -> list[Work]:
    """Returns the calls that are due now. Empty when the operation has ended, is not due, or waits for a person."""
    if operation.status not in WORKABLE:
        return []
    work = []
    for step in current_steps(stages, operation):
        record = operation.step(step.name)
        if record.next_at is None or record.next_at <= now:
            work.append(Work(step, _verb(step, record, operation.status)))
    return work


def _verb(step: Step, record: StepRecord, status: Status) -> Verb:
    # Of a partner that can be asked, callbacks are not trusted. One that has not answered for long cannot be asked:
    # every second time, what its callbacks confirm is looked at instead.
    silent = status is Status.IN_DOUBT and (record.last_error or "").startswith(NO_USABLE_ANSWER)
    match step.recovery:
        case Repeatable():
            return Verb.SUBMIT
        case _ if record.state is not StepState.SUBMITTED:
            return Verb.SUBMIT
        case Unaskable(ask=ask, id_key=key) if ask is None or not record.result.get(key):
            return Verb.LISTEN
        case Unaskable() if silent and record.enquiries % 2:
            return Verb.LISTEN
        case _:
            return Verb.ENQUIRE


def begin(operation: Operation, work: list[Work], now: datetime) -> Operation:
    """Returns the operation with the intent of this work. Save it before making any of the calls."""
    operation = operation.moved(Status.PROCESSING, now) if operation.status is Status.ACCEPTED else operation
    for item in work:
        record = operation.step(item.step.name)
        if item.verb is not Verb.SUBMIT:
            # An intent without a reply means that a worker died during the call: from now on, only enquire.
            record = replace(record, enquiries=record.enquiries + 1, doubt_since=record.doubt_since or now)
        else:
            record = replace(
                record,
                state=StepState.SUBMITTED,
                attempts=record.attempts + 1,
                enquiries=0,
                result={},
                begun_at=record.begun_at or now,
                submitted_at=now,
            )
            event, text = ("step_begun", "started") if record.attempts == 1 else ("step_repeated", "sent again")
            operation = operation.noted(now, event, f"{item.step.label}: {text}", item.step.name)
        operation = operation.with_step(item.step.name, replace(record, next_at=None))
    return operation


def defer(context: Context, operation: Operation, work: Work, wait: Deferral) -> Operation:
    """Returns the operation after a call was not admitted. Only an outage counts towards the step's deadline."""
    step, record, now = work.step, operation.step(work.step.name), context.now
    if wait.down and work.verb is Verb.SUBMIT:
        operation = operation.moved(Status.PROCESSING, now) if operation.status is Status.ACCEPTED else operation
        operation = operation.with_step(step.name, replace(record, begun_at=record.begun_at or now))
        return _not_sent(context, operation, step, Unavailable("not called: it is down", wait.wait_s, called=False))
    doubt_since = record.doubt_since or now if work.verb is Verb.ENQUIRE else record.doubt_since
    return operation.with_step(
        step.name, replace(record, doubt_since=doubt_since, next_at=now + timedelta(seconds=wait.wait_s))
    )


def record(context: Context, operation: Operation, work: Work, reply: Reply) -> Operation:
    """Returns the operation after a partner's reply."""
    step, now = work.step, context.now
    if isinstance(step.recovery, Repeatable) and isinstance(reply, Unknown | Pending | NotFound):
        reply = Unavailable(getattr(reply, "why", "no answer"))  # The step is safe to repeat, so nothing is in doubt.
    match reply:
        case Confirmed():
            operation = _ended(operation, step, StepState.DONE, reply)
            text = f"{step.label}: done{SOURCES[work.verb]}"
            return operation.noted(now, "step_done", text, step.name)
        case Mismatch(why=why):
            return _review(operation, step, f"the partner has this request with {why}", now)
        case Declined(code=code) if code in step.ambiguous_on_retry and operation.step(step.name).attempts > 1:
            # A partner that is not idempotent may refuse this attempt because it carried out our earlier one.
            return _review(operation, step, f"declined ({code}), possibly because an earlier attempt succeeded", now)
        case Declined(code=code) if step.obligation.refusal is Refusal.REVIEW:
            return _review(operation, step, f"declined ({code}), but it must be completed", now)
        case Declined():
            return _declined(context, operation, step, reply)
        case Unavailable() if work.verb is Verb.SUBMIT:
            return _not_sent(context, operation, step, reply)
        case _:
            return _unresolved(context, operation, step, reply)


def conclude(context: Context, operation: Operation) -> Operation:
    """Returns the operation moved to its final status if no step is left; otherwise due when its next step is."""
    stages, now = context.stages, context.now
    if operation.status not in WORKABLE:
        return replace(operation, due_at=None)
    current = current_steps(stages, operation)
    if operation.status is not Status.ACCEPTED:
        doubts_s = (_doubt_s(operation.step(step.name), now) for step in current)
        doubtful = any(doubt_s >= context.policy.in_doubt_after_s for doubt_s in doubts_s)
        operation = operation.moved(Status.IN_DOUBT if doubtful else Status.PROCESSING, now)
    if current:
        return replace(operation, due_at=min(operation.step(step.name).next_at or now for step in current))
    return operation.moved(end_of(stages, operation), now)


def _doubt_s(record: StepRecord, now: datetime) -> float:
    return (now - record.doubt_since).total_seconds() if record.doubt_since else 0


def _ended(operation: Operation, step: Step, state: StepState, reply: Confirmed | Declined) -> Operation:
    record = operation.step(step.name)
    error = reply.code if isinstance(reply, Declined) else None
    result = {**record.result, **reply.result}
    ended = replace(record, state=state, result=result, doubt_since=None, next_at=None, last_error=error)
    return operation.with_step(step.name, ended)


def _declined(context: Context, operation: Operation, step: Step, reply: Declined) -> Operation:
    now = context.now
    if not any(step.name == forward.name for stage in context.stages for forward in stage):
        return _review(operation, step, f"the undo was declined ({reply.code})", now)
    operation = _ended(operation, step, StepState.DECLINED, reply)
    if operation.error is None:
        operation = replace(operation, error={"code": reply.code, "step": step.name, **reply.result})
    return operation.noted(now, "step_declined", f"{step.label}: declined ({reply.code})", step.name)


def _not_sent(context: Context, operation: Operation, step: Step, reply: Unavailable) -> Operation:
    record, now = operation.step(step.name), context.now
    give_up_at = (record.begun_at or now) + timedelta(seconds=step.obligation.deadline_s)
    planned_s = _retry_s(context, step, record, reply)
    if now >= give_up_at or planned_s is None:
        if money_moved(context.stages, operation):
            return _review(operation, step, f"the partner was unavailable for too long ({reply.why})", now)
        return _declined(context, operation, step, Declined("partner_unavailable"))
    wait_s = max(planned_s, _after_s(reply, context))
    waiting = replace(
        record,
        state=StepState.WAITING,
        doubt_since=None,
        next_at=min(now + timedelta(seconds=wait_s), give_up_at),
        last_error=reply.why,
    )
    operation = operation.with_step(step.name, waiting)
    return operation.noted(now, "step_unavailable", f"{step.label}: partner not available ({reply.why})", step.name)


def _retry_s(context: Context, step: Step, record: StepRecord, reply: Unavailable) -> float | None:
    """Returns the wait before the next attempt, in seconds; None when no planned one is left.

    Planned attempts have their times: what delays one, or makes another, does not move them.
    """
    if step.retries_s is None:
        return _backoff(step.first_retry_s, record.attempts - 1, context.policy.max_retry_wait_s, context.jitter)
    if not reply.called:
        return 0
    age_s = (context.now - (record.begun_at or context.now)).total_seconds()
    wait_s = next((at - age_s for at in accumulate(step.retries_s) if at * (1 - SPREAD) > age_s), None)
    return wait_s and wait_s * (1 - SPREAD + 2 * SPREAD * context.jitter)


def _unresolved(context: Context, operation: Operation, step: Step, reply: Reply) -> Operation:
    """Handles Pending, Unknown and enquiries without a result: enquire later, and finally ask for a review."""
    record, now, policy = operation.step(step.name), context.now, context.policy
    submitted_at = record.submitted_at or now
    age_s = (now - submitted_at).total_seconds()
    longest_s = policy.longest_wait_s(age_s, failed=isinstance(reply, Unknown | Unavailable))
    wait_s = _backoff(policy.first_enquiry_s, record.enquiries, longest_s, context.jitter)
    settles_in_s = (step.settle_window_s or policy.settle_window_s) - age_s
    if settles_in_s > 0:
        wait_s = min(wait_s, settles_in_s)  # After the settle window, NotFound means not done.
    next_at = now + timedelta(seconds=max(wait_s, _after_s(reply, context)))
    acknowledged = record.acknowledged or isinstance(reply, Pending)
    record = replace(
        record,
        doubt_since=record.doubt_since or submitted_at,
        acknowledged=acknowledged,
        next_at=next_at,
        result={**record.result, **getattr(reply, "result", {})},
        last_error=_describe(reply),
    )
    # After a Pending, NotFound does not mean that the request was not applied: the partner lost track of it.
    missing = isinstance(reply, NotFound) and isinstance(step.recovery, Enquirable)
    if missing and not acknowledged and settles_in_s <= 0:
        record = replace(record, state=StepState.WAITING, next_at=now, begun_at=None)
    operation = operation.with_step(step.name, record)
    operation = operation.noted(now, "step_unresolved", f"{step.label}: {_describe(reply)}", step.name)
    calls = record.attempts + record.enquiries
    overdue = _doubt_s(record, now) >= policy.review_after_s and calls >= MIN_CALLS_BEFORE_REVIEW
    if record.state is StepState.SUBMITTED and overdue:
        return _review(operation, step, "the partner has not reported the outcome for a day", now)
    return operation


def _describe(reply: Reply) -> str:
    match reply:
        case Pending():
            return "pending at the partner"
        case NotFound():
            return "the partner has no such request yet"
        case Unknown(why=why) | Unavailable(why=why):
            return f"{NO_USABLE_ANSWER} ({why})"
        case _:
            return "answered"


def _review(operation: Operation, step: Step, why: str, now: datetime) -> Operation:
    record = replace(operation.step(step.name), next_at=None, last_error=why)
    operation = operation.with_step(step.name, record).noted(now, "step_stuck", f"{step.label}: {why}", step.name)
    return operation.moved(Status.NEEDS_REVIEW, now)


def _after_s(reply: Reply, context: Context) -> float:
    """Returns the wait that the partner asks for, in seconds, or a little more: it may ask all for the same moment."""
    return float(getattr(reply, "retry_after_s", 0)) * (1 + SPREAD * context.jitter)


def _backoff(first_s: float, attempt: int, max_s: float, jitter: float) -> float:
    """Returns an exponential backoff in seconds, half of it jittered.

    first_s: the upper bound for attempt 0; it doubles with each attempt, up to max_s.
    """
    return float(min(first_s * 2.0 ** min(attempt, 30), max_s) * (0.5 + 0.5 * jitter))
