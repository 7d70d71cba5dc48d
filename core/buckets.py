"""Buckets of operations, divided among the workers that look for due ones, so that not all of them read all of it.

This saves work, and nothing relies on it: an operation that two workers find is kept apart by its own lease, and one
that its worker does not take is taken by the others a few seconds later.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from core.clock import Clock, to_rfc3339
from core.errors import Conflict, Duplicate, StoreUnavailable
from core.ids import new_id
from core.operation import BUCKETS
from core.store.port import LEASES, AtMost, Condition, OneOf, Store, scan

RENEW_S = 5.0
"""How often a worker says that it is there. A new one has its share after this time at the latest."""
LEASE_S = 15.0
"""How long a worker that says nothing more keeps its share."""
LATE_S = 5.0
"""How late an operation is taken by any worker."""


class Share:
    """The buckets of one worker. Those that work on the same kinds divide them evenly.

    worker: a name that no other process has.
    """

    def __init__(self, store: Store, clock: Clock, kinds: Iterable[str], worker: str | None = None) -> None:
        self._store = store
        self._clock = clock
        self._id = hashlib.sha256("\n".join(sorted(kinds)).encode()).hexdigest()
        self._worker = worker or new_id()
        self._buckets: tuple[int, ...] | None = None
        """None for all of them."""
        self._renewed_at: datetime | None = None
        self._late_at: datetime | None = None

    def due(self) -> dict[str, Condition]:
        """The conditions of what to look for now: what is due in this share; now and then, whatever is late.

        Raises StoreUnavailable.
        """
        now = self._clock.now()
        if _is_over(self._renewed_at, now, RENEW_S):
            self._renew(now)
        if self._buckets is None:
            return due_by(now)
        if _is_over(self._late_at, now, LATE_S):
            self._late_at = now
            return due_by(now - timedelta(seconds=LATE_S))
        return due_by(now) | {"bucket": OneOf(self._buckets)}

    def leave(self) -> None:
        """Gives the share to the others at once."""
        with suppress(Conflict, StoreUnavailable):
            found = self._store.get(LEASES, self._id)
            if found is not None and self._worker in found["workers"]:
                workers = {worker: until for worker, until in found["workers"].items() if worker != self._worker}
                self._store.replace(LEASES, {**found, "workers": workers})

    def _renew(self, now: datetime) -> None:
        """Says that this worker is there, and reads who else is. Another worker may be faster: then it tries again."""
        until = to_rfc3339(now + timedelta(seconds=LEASE_S))
        try:
            found = self._store.get(LEASES, self._id)
            others = (
                {} if found is None else {name: end for name, end in found["workers"].items() if end > to_rfc3339(now)}
            )
            workers = others | {self._worker: until}
            if found is None:
                self._store.insert(LEASES, {"id": self._id, "workers": workers})
            else:
                self._store.replace(LEASES, {**found, "workers": workers})
        except (Conflict, Duplicate):
            return
        self._renewed_at = now
        names = sorted(workers)
        mine = tuple(bucket for bucket in range(BUCKETS) if names[bucket % len(names)] == self._worker)
        self._buckets = None if len(names) == 1 else mine


def live_workers(store: Store, now: datetime) -> int:
    """How many workers have said lately that they are there. Raises StoreUnavailable."""
    moment = to_rfc3339(now)
    return len(
        {name for lease in scan(store, LEASES, {}) for name, until in lease["workers"].items() if until > moment}
    )


def due_by(moment: datetime) -> dict[str, Condition]:
    return {"due_at": AtMost(to_rfc3339(moment))}


def _is_over(since: datetime | None, now: datetime, seconds: float) -> bool:
    return since is None or now - since >= timedelta(seconds=seconds)
