"""Decisions of a person, where the worker cannot decide. Pure; uses the transition table; recorded in the history."""

from dataclasses import replace
from enum import StrEnum

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from worker.decide import conclude
from worker.policy import Context
from worker.process import Stages, Step, Unaskable

DECLINED = "declined_by_review"
INSTEAD = "sending it again may move the money twice. Find out, and confirm or decline it"
REVIEWED = (Status.IN_DOUBT, Status.NEEDS_REVIEW)


class Decision(StrEnum):
    CONFIRM = "confirm"  # the step was carried out
    DECLINE = "decline"  # the step was not carried out and will not be
    RETRY = "retry"  # the step was not carried out: submit it again, with the same reference
    REFUND = "refund"  # stop here and give the money back


class NotReviewable(Exception):
    """This decision cannot be made for this operation; the message says why."""


def stuck_steps(stages: Stages, operation: Operation) -> list[Step]:
    """Returns the steps that were started and have not ended: the ones that a person has to decide."""
    return [
        step
        for stage in stages
        for forward in stage
        for step in (forward, forward.undo)
        if step and _begun(operation.step(step.name)) and not operation.step(step.name).ended
    ]


def _begun(record: StepRecord) -> bool:
    """Returns whether a step was started, or deferred by an open circuit until its deadline."""
    return record.attempts > 0 or record.begun_at is not None


def review(context: Context, operation: Operation, decision: Decision, who: str, why: str) -> Operation:
    """Returns the operation after a person's decision on all its stuck steps, due at once.

    who: the person, for the history.
    why: their reason, for the history.
    Raises NotReviewable.
    """
    stages, now = context.stages, context.now
    if operation.status not in REVIEWED:
        raise NotReviewable(f"its status is {operation.status}, neither in_doubt nor needs_review")
    stuck = stuck_steps(stages, operation)
    if not stuck:
        raise NotReviewable("none of its steps was started and has not ended")
    forward = {step.name for stage in stages for step in stage}
    if decision is Decision.REFUND:
        _require_undo(stages, operation, stuck)
    for step in stuck:
        if step.name not in forward and decision in (Decision.DECLINE, Decision.REFUND):
            raise NotReviewable(f"{step.name} is an undo already: confirm it, or retry it")
        sent = operation.step(step.name).state is StepState.SUBMITTED
        if decision is Decision.RETRY and sent and isinstance(step.recovery, Unaskable):
            raise NotReviewable(f"{step.name} may have been carried out, and its partner cannot be asked: {INSTEAD}")
        operation = operation.with_step(step.name, _decided(operation, step, decision))
        operation = operation.noted(now, f"review_{decision}", f"{step.label}: {who} decided: {why}", step.name)
    if decision is Decision.REFUND:
        operation = _decline_unfinished(stages, operation)
    if operation.error is None and decision in (Decision.DECLINE, Decision.REFUND):
        operation = replace(operation, error={"code": DECLINED, "step": stuck[0].name})
    operation = replace(operation.moved(Status.PROCESSING, now), lease=None, due_at=now)
    return conclude(context, operation)


def _require_undo(stages: Stages, operation: Operation, stuck: list[Step]) -> None:
    """Raises NotReviewable where money has moved, or may have, in a step that nothing reverses."""
    for step in (step for stage in stages for step in stage if step.moves_money and step.undo is None):
        if operation.step(step.name).state is StepState.DONE or step in stuck:
            raise NotReviewable(f"nothing gives back the money of {step.name}: confirm or decline it")


def _decided(operation: Operation, step: Step, decision: Decision) -> StepRecord:
    record = replace(operation.step(step.name), doubt_since=None, acknowledged=False, next_at=None)
    happened = decision is Decision.CONFIRM or (decision is Decision.REFUND and step.moves_money)
    if happened:
        return replace(record, state=StepState.DONE)
    if decision is Decision.RETRY:
        return replace(record, state=StepState.WAITING, begun_at=None)
    return replace(record, state=StepState.DECLINED, last_error=DECLINED)


def _decline_unfinished(stages: Stages, operation: Operation) -> Operation:
    """Declines every step that has not ended, so that the steps already done are undone."""
    for stage in stages:
        for step in stage:
            record = operation.step(step.name)
            if not record.ended:
                declined = replace(record, state=StepState.DECLINED, last_error=DECLINED)
                operation = operation.with_step(step.name, declined)
    return operation
