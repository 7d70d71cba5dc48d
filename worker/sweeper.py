"""Rings for operations that are due: their ring was lost, their worker died, or it is time for their next attempt."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from threading import Event, Thread

import structlog

from core.broker.poller import Poller
from core.broker.port import Broker, Subscription
from core.buckets import Share
from core.clock import Clock
from core.errors import Conflict
from core.operation import postponed
from core.store.port import OPERATIONS, Condition, Document, Store

SWEEP_S = 0.25
"""Time between sweeps. Added to the first enquiry's wait, it stays below two seconds."""
RING_AGAIN_S = 30
"""How long a ring may wait in the broker's queue before it counts as lost."""
PAGE_SIZE = 200
"""Operations rung for in one sweep; with more than that due, of each kind."""

log = structlog.get_logger()


class Sweeper:
    """Rings for due operations in a thread of its own.

    kinds: the kinds of operations to sweep.
    subscription: this worker's consumer of rings.
    fallback: takes operations from the store while no rings reach this worker, so that none waits for the broker.
    share: which operations to look for. None: one of its own.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        kinds: Iterable[str],
        subscription: Subscription,
        fallback: Poller,
        share: Share | None = None,
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._kinds = tuple(kinds)
        self._subscription = subscription
        self._fallback = fallback
        self._share = share or Share(store, clock, self._kinds)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def run_once(self) -> int:
        """Sweeps once. Returns how many operations were rung for or handed to the fallback. Raises StoreUnavailable."""
        if self._broker.connected() and self._subscription.connected():
            return sum(map(self._ring, self._due()))
        return self._fallback.run_once()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Stops sweeping. Returns whether the fallback's operations ended in time.

        timeout_s: how long to wait for them, in seconds.
        """
        self._stop.set()
        ended = self._fallback.stop(timeout_s)
        self._thread.join(timeout_s)
        self._share.leave()
        return ended

    def _due(self) -> list[Document]:
        """What is due: a page of it, or a page of each kind when that is full, so that no kind waits for another."""
        where = self._share.due()
        due = self._page(where)
        if len(due) < PAGE_SIZE:
            return [document for document in due if document["kind"] in self._kinds]
        return [document for kind in self._kinds for document in self._page({"kind": kind, **where})]

    def _page(self, where: Mapping[str, Condition]) -> list[Document]:
        return self._store.find(OPERATIONS, where, order="due_at", limit=PAGE_SIZE)

    def _ring(self, document: Document) -> bool:
        """Rings for a due operation. Returns whether it did."""
        later = self._clock.now() + timedelta(seconds=RING_AGAIN_S)
        try:
            # First its next time, then the ring: the other way round, the worker would find its document changed.
            # Also for an operation of a later release: a worker of that release may hear the ring.
            self._store.replace(OPERATIONS, postponed(document, later))
        except Conflict:
            return False  # A worker or another sweeper has it.
        self._broker.ring(document["kind"], document["id"])
        return True

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_S):
            try:
                self.run_once()
            except Exception as error:
                # If the sweeper ended here, every retry, enquiry and recovery would silently stop.
                log.warning("sweep_failed", error=f"{type(error).__name__}: {error}")
