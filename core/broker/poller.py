"""Polls the store for operations that are due."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from core.broker.pool import Outcome, Pool
from core.broker.port import Handle
from core.broker.throttle import ThrottledLog
from core.buckets import Share
from core.clock import Clock
from core.store.port import OPERATIONS, Condition, Document, Scalar, Store

# The longest pause while the store does not answer.
BACKOFF_MAX_S = 2.0
# What did not move its due time on would otherwise be taken again at once, for ever.
PAUSE = timedelta(seconds=1)
# For the poll that goes on when a stop comes, so that the store may be closed after it.
LAST_POLL_S = 2.0
# Fewest operations to read at once: the first ones may be running already.
PAGE_MIN = 20


class Poller:
    """Hands due operations of some kinds to a pool of threads. A Subscription once it is started.

    share: which operations to look for. None: one of its own.
    run_once() is all of it, for those who bring their own thread and time.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        kinds: Iterable[str],
        handle: Handle,
        concurrency: int,
        poll_s: float = 0.05,
        share: Share | None = None,
    ) -> None:
        self.kinds = tuple(kinds)
        self._store = store
        self._clock = clock
        self._share = share or Share(store, clock, self.kinds)
        self._poll_s = poll_s
        self._pool = Pool(handle, concurrency)
        self._first = 0
        self._more = False
        self._not_before: dict[str, datetime] = {}
        self._failures = 0
        self._stopping = False
        self._woken = threading.Event()
        self._log = ThrottledLog()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def run_once(self) -> int:
        """Hands over what is due, and returns how many operations that were. Raises StoreUnavailable.

        One question shows all that is due, unless it is more than there are free threads. These are then shared evenly
        among the kinds, with a question for each, and each poll begins with another kind.
        """
        now = self._clock.now()
        for id in [id for id, until in self._not_before.copy().items() if until <= now]:
            del self._not_before[id]
        self._more = False
        free = self._pool.free
        limit = max(free, PAGE_MIN)
        where = self._share.due()
        due = self._page(where, limit)
        if len(due) <= free and len(due) < limit:
            return sum(self._offer(operation) for operation in due if operation["kind"] in self.kinds)
        return self._divide(where)

    def _divide(self, where: Mapping[str, Condition]) -> int:
        handed_over = 0
        kinds = self.kinds[self._first :] + self.kinds[: self._first]
        self._first = (self._first + 1) % max(1, len(self.kinds))
        for polled, kind in enumerate(kinds):
            share = -(-self._pool.free // (len(kinds) - polled))
            handed_over += self._dispatch({"kind": kind, **where}, share)
        return handed_over

    def start(self) -> None:
        self._thread.start()

    def connected(self) -> bool:
        return True

    def wake(self) -> None:
        """Has the next poll begin now. From any thread; never blocks."""
        self._woken.set()

    def stop(self, timeout_s: float) -> bool:
        self._stopping = True
        self._woken.set()
        ended = self._pool.stop(timeout_s)
        if self._thread.is_alive():
            self._thread.join(LAST_POLL_S)
            self._share.leave()
        return ended

    def _dispatch(self, where: Mapping[str, Condition], share: int) -> int:
        """Offers this kind's most overdue operations to the pool until it took its share of them or no more are due."""
        taken = 0
        after: tuple[Scalar, str] | None = None
        limit = max(share, PAGE_MIN)
        while taken < share and not self._stopping:
            page = self._page(where, limit, after)
            for operation in page:
                if taken == share:
                    break
                taken += self._offer(operation)
            if len(page) < limit:
                break
            after = (page[-1]["due_at"], page[-1]["id"])
        self._more |= taken == share
        return taken

    def _page(
        self, where: Mapping[str, Condition], limit: int, after: tuple[Scalar, str] | None = None
    ) -> list[Document]:
        """The most overdue first."""
        return self._store.find(OPERATIONS, where, order="due_at", limit=limit, after=after)

    def _offer(self, operation: Document) -> bool:
        id = operation["id"]
        return id not in self._not_before and self._pool.offer(id, partial(self._done, id))

    def _done(self, id: str, outcome: Outcome) -> None:
        if outcome in (Outcome.RAISED, Outcome.DEFERRED):
            self._not_before[id] = self._clock.now() + PAUSE
        # Not for each thread that gets free: a quarter of them at a time is one poll for many.
        if self._more and self._pool.free * 4 >= self._pool.size:
            self._woken.set()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause_s = self._poll()
            self._woken.wait(pause_s)

    def _poll(self) -> float:
        """Runs once whatever happens, and returns how long to wait before the next time, in seconds."""
        try:
            handed_over = self.run_once()
        except Exception as error:
            # A poller that ends would stop all payments silently.
            self._more = False
            self._failures += 1
            self._log.warning("poll_failed", error=f"{type(error).__name__}: {error}")
            return min(BACKOFF_MAX_S, self._poll_s * 2.0 ** min(self._failures, 10))
        self._failures = 0
        return 0 if handed_over and self._more and self._pool.free else self._poll_s
