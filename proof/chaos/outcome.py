"""How all operations of a run have ended, by operator."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import Clock, SystemClock
from core.installed import DEFAULT
from core.operation import TERMINAL, Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import OPERATIONS, Store, scan
from proof.chaos.operators import UNASKABLE

DRAIN_S = 180
DOUBT_AFTER_S = 40
"""How long after it was sent a lost answer is a doubt: any lease is over, and any callback has come."""
LOOKS_EVERY_S = 0.5


@dataclass
class Outcome:
    """How the operations stand.

    statuses: how many have each, of those that clients have asked for.
    operators: the same by operator, of those that move a phone's money.
    doubts: by operator, how many have no end because nobody can say it: the answer to a call was lost that the operator
        cannot be asked about.
    unfinished: what is wrong with the others, in words.
    failed: the operations that have failed, in words: every payer has money and confirms, so none should.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    operators: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    doubts: Counter[str] = field(default_factory=Counter)
    unfinished: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def by_operator(self) -> dict[str, dict[str, int]]:
        """Returns, by operator, how many were accepted, how many have each status, and how many are in doubt."""
        return {
            operator: {"accepted": found.total(), **dict(sorted(found.items())), "doubts": self.doubts[operator]}
            for operator, found in sorted(self.operators.items())
        }


def drain(store: Store, accepted: set[str]) -> Outcome:
    """Waits until every operation has ended whose end can be known. Returns how all stand then, or after DRAIN_S."""
    deadline = time.monotonic() + DRAIN_S
    while True:
        operations = (
            Operation.from_document(document)
            for kind in DEFAULT.contracts
            for document in scan(store, OPERATIONS, {"kind": kind})
        )
        outcome = outcome_of(operations, accepted, SystemClock())
        if not outcome.unfinished or time.monotonic() > deadline:
            return outcome
        time.sleep(LOOKS_EVERY_S)


def outcome_of(operations: Iterable[Operation], accepted: set[str], clock: Clock) -> Outcome:
    """Returns how operations stand.

    accepted: the ids that clients were given.
    """
    outcome, missing = Outcome(), set(accepted)
    for operation in operations:
        missing.discard(operation.id)
        asked_for = bool(DEFAULT.contracts[operation.kind].doors)
        outcome.statuses[operation.status.value] += asked_for
        if operation.operator:
            outcome.operators[operation.operator][operation.status.value] += 1
        if operation.status is Status.FAILED:
            outcome.failed.append(f"{operation.id} of {operation.operator} has failed: {dict(operation.error or {})}")
        if operation.status in TERMINAL:
            continue
        if _is_doubt(operation, clock):
            outcome.doubts[str(operation.operator)] += 1
        else:
            outcome.unfinished.append(f"{operation.id} of {operation.operator} is {operation.status.value}")
    outcome.unfinished += [f"{id} was accepted and is not stored" for id in sorted(missing)]
    return outcome


def _is_doubt(operation: Operation, clock: Clock) -> bool:
    """Whether all that is left is a call whose answer was lost, and which the operator cannot be asked about."""
    left = {name: record for name, record in operation.steps.items() if not record.ended}
    return bool(left) and all(
        (operation.operator, name) in UNASKABLE and _is_unanswered(record, clock) for name, record in left.items()
    )


def _is_unanswered(record: StepRecord, clock: Clock) -> bool:
    sent = record.submitted_at
    long_ago = sent is not None and clock.now() - sent > timedelta(seconds=DOUBT_AFTER_S)
    answered = any(call.verb == "submit" and call.reply == "pending" for call in record.calls)
    return record.state is StepState.SUBMITTED and long_ago and not answered
