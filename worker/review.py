"""What a person decides where no machine can: pure, through the same transition table, and told in the history."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from core.operation import Operation, Status, StepRecord, StepState
from worker.decide import Policy, conclude
from worker.process import Stages, Step

DECLINED = "declined_by_review"
REVIEWED = (Status.IN_DOUBT, Status.NEEDS_REVIEW)


class Decision(StrEnum):
    CONFIRM = "confirm"  # it did happen
    DECLINE = "decline"  # it did not happen and will not
    RETRY = "retry"  # it did not happen: submit it again, under the same reference
    REFUND = "refund"  # whatever was meant to follow: give the money back


class NotReviewable(Exception):
    """This decision cannot be made for this operation; the message says why."""


def stuck_steps(stages: Stages, operation: Operation) -> list[Step]:
    """The steps that were begun and have not ended: those that a person has to look at."""
    return [
        step
        for stage in stages
        for forward in stage
        for step in (forward, forward.undo)
        if step and _begun(operation.step(step.name)) and not operation.step(step.name).ended
    ]


def _begun(record: StepRecord) -> bool:
    """Also what never got past the guard of a partner that stayed away until the step's deadline."""
    return record.attempts > 0 or record.begun_at is not None


def review(
    stages: Stages, operation: Operation, decision: Decision, who: str, why: str, now: datetime, policy: Policy
) -> Operation:
    """The operation after a person's decision on each of its stuck steps, due at once. Raises NotReviewable."""
    if operation.status not in REVIEWED:
        raise NotReviewable(f"it is {operation.status}, neither in_doubt nor needs_review")
    stuck = stuck_steps(stages, operation)
    if not stuck:
        raise NotReviewable("no step of it was begun and has not ended")
    forward = {step.name for stage in stages for step in stage}
    for step in stuck:
        if step.name not in forward and decision in (Decision.DECLINE, Decision.REFUND):
            raise NotReviewable(f"{step.name} gives back already: confirm it, or retry it")
        operation = operation.with_step(step.name, _decided(operation, step, decision))
        operation = operation.noted(now, f"review_{decision}", f"{step.label}: {who} decided: {why}", step.name)
    if decision is Decision.REFUND:
        operation = _nothing_more(stages, operation)
    if operation.error is None and decision in (Decision.DECLINE, Decision.REFUND):
        operation = replace(operation, error={"code": DECLINED, "step": stuck[0].name})
    operation = replace(operation.moved(Status.PROCESSING, now), lease=None, due_at=now)
    return conclude(stages, operation, now, policy)


def _decided(operation: Operation, step: Step, decision: Decision) -> StepRecord:
    known = replace(operation.step(step.name), doubt_since=None, acknowledged=False, next_at=None)
    happened = decision is Decision.CONFIRM or (decision is Decision.REFUND and step.moves_money)
    if happened:
        return replace(known, state=StepState.DONE)
    if decision is Decision.RETRY:
        return replace(known, state=StepState.WAITING, begun_at=None)
    return replace(known, state=StepState.DECLINED, last_error=DECLINED)


def _nothing_more(stages: Stages, operation: Operation) -> Operation:
    """Declines every step that was not begun, so that what is done is given back."""
    for stage in stages:
        for step in stage:
            record = operation.step(step.name)
            if not record.ended:
                declined = replace(record, state=StepState.DECLINED, last_error=DECLINED)
                operation = operation.with_step(step.name, declined)
    return operation
