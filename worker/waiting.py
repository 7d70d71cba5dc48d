"""What an operation waits for, and why: one sentence for people. Pure."""

from datetime import datetime

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from worker.process import Stages, Step
from worker.progress import current_steps
from worker.review import stuck_steps


def waits_for(stages: Stages, operation: Operation, now: datetime) -> str:
    """Returns what the operation waits for, why, and when somebody looks at it next."""
    if operation.terminal:
        code = f" ({operation.error['code']})" if operation.error else ""
        return f"Has ended: {operation.status}{code}, at {clock(operation.updated_at)}."
    if operation.status is Status.OPEN:
        return "Waits for its owner, who has not closed it yet."
    if operation.status is Status.NEEDS_REVIEW:
        stuck = stuck_steps(stages, operation)
        why = "; ".join(f"{step.label}: {operation.step(step.name).last_error or 'not known'}" for step in stuck)
        return f"Waits for a person. {why or 'No step says why'}."
    if operation.lease is not None and operation.lease.until > now:
        return f"Worker {operation.lease.worker} is at work on it, until {clock(operation.lease.until)} at the latest."
    steps = current_steps(stages, operation)
    if not steps:
        return "Waits for a worker, to save how it ended."
    more = f" And for {len(steps) - 1} more." if len(steps) > 1 else ""
    return _of_step(operation, steps[0], now) + more


def _of_step(operation: Operation, step: Step, now: datetime) -> str:
    record = operation.step(step.name)
    partner = step.breaker.name if step.breaker else "our own store"
    next_at = record.next_at or operation.due_at
    then = f"next at {clock(next_at)}" if next_at and next_at > now else "due now, so it waits for a worker"
    if record.state is StepState.SUBMITTED:
        return f"Waits for {partner}'s answer to the {step.label}; {_asked(record)}; {then}."
    if record.last_error:
        tried = f"tried {_times(record.attempts)}"
        return f"Waits until {partner} takes the {step.label} ({record.last_error}); {tried}; {then}."
    return f"Waits for a worker to begin the {step.label}; {then}."


def _asked(record: StepRecord) -> str:
    return f"asked {_times(record.enquiries)}" if record.enquiries else "not asked yet"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def clock(moment: datetime) -> str:
    """The time of day in UTC."""
    return f"{moment:%H:%M:%S}"
