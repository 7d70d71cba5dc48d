"""The broker port without a broker: the store itself is asked, many times a second, what is due."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from core.broker.pool import Outcome, Pool
from core.broker.port import Handle, Message
from core.broker.throttle import ThrottledLog
from core.broker.topic_log import TopicLog
from core.clock import Clock, to_text
from core.store.port import OPERATIONS, AtMost, Document, Scalar, Store

# The longest pause while the store does not answer.
BACKOFF_MAX_S = 2.0
# What raised without moving its due time on would otherwise be taken again at once, for ever.
RAISED_PAUSE = timedelta(seconds=1)
# For the poll that goes on when a stop comes, so that the store may be closed after it.
LAST_POLL_S = 2.0
# At least so many operations are asked for at once: the first ones may be in hand already.
PAGE_MIN = 20


class Poller:
    """Hands due operations of some kinds to a pool of threads. A Subscription once it is started.

    run_once() is all of it, for those who bring their own thread and time.
    """

    def __init__(
        self, store: Store, clock: Clock, kinds: Iterable[str], handle: Handle, concurrency: int, poll_s: float = 0.05
    ) -> None:
        self.kinds = tuple(kinds)
        self._store = store
        self._clock = clock
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
        """Asks the store once for each kind and returns how many operations it handed over. Raises StoreUnavailable.

        Free threads are shared out evenly among the kinds; each time another kind is the first one asked.
        """
        now = self._clock.now()
        for id in [id for id, until in self._not_before.copy().items() if until <= now]:
            del self._not_before[id]
        self._more = False
        handed_over = 0
        kinds = self.kinds[self._first :] + self.kinds[: self._first]
        self._first = (self._first + 1) % max(1, len(self.kinds))
        for asked, kind in enumerate(kinds):
            share = -(-self._pool.free // (len(kinds) - asked))
            handed_over += self._hand_over(kind, now, share)
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
        return ended

    def _hand_over(self, kind: str, now: datetime, share: int) -> int:
        """Offers this kind's most overdue operations to the pool until it took its share of them or no more are due."""
        taken = 0
        after: tuple[Scalar, str] | None = None
        limit = max(share, PAGE_MIN)
        while taken < share and not self._stopping:
            page = self._store.find(
                OPERATIONS, {"kind": kind, "due_at": AtMost(to_text(now))}, order="due_at", limit=limit, after=after
            )
            for operation in page:
                if taken == share:
                    break
                taken += self._offer(operation)
            if len(page) < limit:
                break
            after = (page[-1]["due_at"], page[-1]["id"])
        self._more |= taken == share
        return taken

    def _offer(self, operation: Document) -> bool:
        id = operation["id"]
        return id not in self._not_before and self._pool.offer(id, partial(self._done, id))

    def _done(self, id: str, outcome: Outcome) -> None:
        if outcome is Outcome.RAISED:
            self._not_before[id] = self._clock.now() + RAISED_PAUSE
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


class EmbeddedBroker:
    """Workers in other processes find what is due within `poll_s` seconds; those in this one, at once when it rings."""

    delivery_s = 0.0

    def __init__(self, store: Store, clock: Clock, poll_s: float = 0.05, folder: Path = Path("var")) -> None:
        """folder: where the log of published messages is kept."""
        self._log = TopicLog(folder)
        self._store = store
        self._clock = clock
        self._poll_s = poll_s
        self._pollers: list[Poller] = []

    def connected(self) -> bool:
        return True

    def ring(self, kind: str, id: str) -> None:
        for poller in self._pollers:
            if kind in poller.kinds:
                poller.wake()

    def publish(self, message: Message) -> None:
        self._log.append(message)

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Poller:
        poller = Poller(self._store, self._clock, kinds, handle, concurrency, self._poll_s)
        self._pollers.append(poller)
        poller.start()
        return poller

    def close(self) -> None:
        """Stops what still consumes, waiting for no handler."""
        for poller in self._pollers:
            poller.stop(0)
