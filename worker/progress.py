"""How far an operation is: which of its steps are next, and how it ends. Pure."""

from core.operation import Operation, Status
from core.operation_names import PARTNER, named
from core.steps import StepState
from worker.process import Stages, Step


def current_steps(stages: Stages, operation: Operation) -> list[Step]:
    """Returns the steps to work on: those of the first unfinished stage, or the next undo."""
    for each in stages:
        stage = [step for step in each if step.is_needed(operation)]
        states = {step.name: operation.step(step.name).state for step in stage}
        unfinished = [step for step in stage if not operation.step(step.name).ended]
        if any(states[step.name] is StepState.DECLINED and not step.optional for step in stage):
            # No other step of the stage is started, but the outcome of a sent one must be known before any undo.
            sent = [step for step in unfinished if states[step.name] is StepState.SUBMITTED]
            return sent or _next_undo(stages, operation)
        if unfinished:
            return unfinished
    return _next_undo(stages, operation) if _any_declined(stages, operation) else []


def _next_undo(stages: Stages, operation: Operation) -> list[Step]:
    for step in reversed([step for stage in stages for step in stage]):
        if step.undo and _is_done(operation, step) and not _is_done(operation, step.undo):
            return [step.undo]
    return []


def _any_declined(stages: Stages, operation: Operation) -> bool:
    return any(operation.step(step.name).state is StepState.DECLINED for stage in stages for step in stage)


def end_of(stages: Stages, operation: Operation) -> Status:
    """Returns the final status of an operation without a step to work on."""
    if not _any_declined(stages, operation):
        return Status.SUCCEEDED
    done = [step for stage in stages for step in stage if _is_done(operation, step)]
    moved = [step for step in done if step.moves_money]
    if any(step.optional for step in done) or any(
        step.undo is None or not _is_done(operation, step.undo) for step in moved
    ):
        return Status.PARTIALLY_SUCCEEDED
    return Status.REFUNDED if moved else Status.FAILED


def _is_done(operation: Operation, step: Step) -> bool:
    return operation.step(step.name).state is StepState.DONE


def money_moved(stages: Stages, operation: Operation) -> bool:
    """Returns whether a step has moved money, so that only a person may give up the operation."""
    moving = (step for stage in stages for step in stage if step.moves_money)
    return any(_is_done(operation, step) for step in moving)


def names_since(stages: Stages, saved: Operation, operation: Operation) -> dict[str, str]:
    """Returns the names that partners have for the steps, and had not when the operation was saved, by their places."""
    found: dict[str, str] = {}
    for step in (step for stage in stages for forward in stage for step in (forward, forward.undo)):
        if step is None or step.names is None or operation.steps.get(step.name) == saved.steps.get(step.name):
            continue
        before = step.names(saved)
        found |= {
            f"{step.name}:{place}": named(PARTNER, name)
            for place, name in step.names(operation).items()
            if before.get(place) != name
        }
    return found
