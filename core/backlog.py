"""What has not ended: how many operations, since when, and how many of them are due.

Every question is bounded: it reads at most COUNTED entries of an index, however many operations are stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.buckets import due_by
from core.clock import from_rfc3339
from core.operation import TERMINAL, Status
from core.store.port import OPERATIONS, Store

COUNTED = 10_000
"""What is counted of each kind and status, at most: this number means so many or more."""
OVERDUE_S = 60.0
"""How long an operation is due before it is overdue. Workers that keep up take it within seconds."""
NOT_ENDED = tuple(status for status in Status if status not in TERMINAL)


@dataclass(frozen=True)
class Waiting:
    """The operations of one kind in one status that is no end.

    number: at most COUNTED. oldest_s: how long ago the oldest was made, in seconds; 0 where there is none.
    """

    kind: str
    status: Status
    number: int
    oldest_s: float


@dataclass(frozen=True)
class Due:
    """The operations of one kind that somebody should be working on. due includes overdue; each at most COUNTED."""

    kind: str
    due: int
    overdue: int


@dataclass(frozen=True)
class Backlog:
    waiting: tuple[Waiting, ...]
    due: tuple[Due, ...]

    def oldest_s(self, kinds: Iterable[str]) -> float:
        """The age of the oldest operation of these kinds, in seconds; 0 where there is none."""
        wanted = set(kinds)
        return max((each.oldest_s for each in self.waiting if each.kind in wanted), default=0.0)


def read_backlog(store: Store, kinds: Iterable[str], now: datetime) -> Backlog:
    """The backlog of these kinds. Raises StoreUnavailable."""
    kinds = tuple(kinds)
    waiting = (_waiting(store, kind, status, now) for kind in kinds for status in NOT_ENDED)
    return Backlog(tuple(waiting), tuple(_due(store, kind, now) for kind in kinds))


def _waiting(store: Store, kind: str, status: Status, now: datetime) -> Waiting:
    where = {"kind": kind, "status": status.value}
    number = store.count(OPERATIONS, where, COUNTED)
    oldest = store.find(OPERATIONS, where, limit=1) if number else []  # ids are in the order of time
    made_at = (from_rfc3339(document["created_at"]) for document in oldest)
    ages_s = (max(0.0, (now - at).total_seconds()) for at in made_at)
    return Waiting(kind, status, number, next(ages_s, 0.0))


def _due(store: Store, kind: str, now: datetime) -> Due:
    def counted(moment: datetime) -> int:
        return store.count(OPERATIONS, {"kind": kind, **due_by(moment)}, COUNTED)

    due = counted(now)
    return Due(kind, due, counted(now - timedelta(seconds=OVERDUE_S)) if due else 0)
