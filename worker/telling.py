"""What a worker says of an operation that it has saved: that it ended, or that it is stuck. In the log, and counted."""

from collections.abc import Iterator
from datetime import datetime

import structlog
from prometheus_client import Counter, Histogram

from core.clock import to_rfc3339
from core.operation import Operation, Status
from worker.process import Stages, Step
from worker.progress import current_steps

ENDED = Counter("quittance_operations_ended_total", "Operations that have ended", ["kind", "status"])
STUCK = Counter(
    "quittance_operations_stuck_total",
    "Operations that came to in_doubt or needs_review, by the partner that they wait for",
    ["kind", "status", "partner"],
)
SECONDS = Histogram(
    "quittance_settle_seconds",
    "Time from the acceptance of an operation to its end",
    ["kind"],
    buckets=(0.5, 1, 2, 5, 15, 30, 60, 120, 300, 900, 3600, 86400),
)
OWN_STORE = "store"
"""The partner of a step that calls none."""
RUNBOOK = "docs/how-to/operate.md#a-payment-is-stuck"

log = structlog.get_logger()


def moved(stages: Stages, before: Operation, after: Operation) -> None:
    """Says what has become of an operation, once it is saved.

    before: as it was stored last.
    """
    if after.status is before.status:
        return
    if after.terminal:
        ENDED.labels(after.kind, after.status.value).inc()
        SECONDS.labels(after.kind).observe((after.updated_at - _accepted_at(after)).total_seconds())
        log.info("operation_ended", operation=after.id, kind=after.kind, status=after.status.value)
    elif after.status in (Status.IN_DOUBT, Status.NEEDS_REVIEW):
        _stuck(after, current_steps(stages, after))


def partners_of(steps: list[Step]) -> list[str]:
    """The partners that these steps call, each once."""
    return list(dict.fromkeys(step.breaker.name if step.breaker else OWN_STORE for step in steps))


def _stuck(operation: Operation, steps: list[Step]) -> None:
    partners = partners_of(steps)
    for partner in partners:
        STUCK.labels(operation.kind, operation.status.value, partner).inc()
    said = {
        "operation": operation.id,
        "kind": operation.kind,
        "partner": ", ".join(partners),
        "since": to_rfc3339(min(_since(operation, steps), default=operation.created_at)),
    }
    if operation.status is Status.IN_DOUBT:
        log.warning("operation_in_doubt", **said, to_do=f"nothing yet: the partner is asked for a day; see {RUNBOOK}")
    else:
        log.error("operation_needs_review", **said, to_do=f"`quittance review`, then decide; see {RUNBOOK}")


def _since(operation: Operation, steps: list[Step]) -> Iterator[datetime]:
    for step in steps:
        record = operation.step(step.name)
        if since := record.doubt_since or record.submitted_at or record.begun_at:
            yield since


def _accepted_at(operation: Operation) -> datetime:
    entries = [entry.at for entry in operation.moves() if entry.event == Status.ACCEPTED]
    return entries[-1] if entries else operation.created_at
