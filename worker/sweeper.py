"""Rings for operations that are due: their ring was lost, their worker died, or their time to try again has come."""

from collections.abc import Iterable
from datetime import timedelta
from threading import Event, Thread

import structlog

from core.broker.embedded import Poller
from core.broker.port import Broker, Subscription
from core.clock import Clock, to_text
from core.errors import Conflict
from core.store.port import OPERATIONS, AtMost, Store

SWEEP_S = 0.25
"""Between sweeps: together with the first wait it keeps the first enquiry within two seconds."""
RING_AGAIN_S = 30
"""How long a ring may wait in the broker's queue before it is taken for lost."""
PAGE = 200

log = structlog.get_logger()


class Sweeper:
    """While rings do not reach this worker, `fallback` takes operations from the store: nothing waits for a broker."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        kinds: Iterable[str],
        subscription: Subscription,
        fallback: Poller,
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._kinds = tuple(kinds)
        self._subscription = subscription
        self._fallback = fallback
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def run_once(self) -> int:
        """How many operations were rung for or handed over. Raises StoreUnavailable."""
        if self._broker.connected() and self._subscription.connected():
            return sum(self._ring(kind) for kind in self._kinds)
        return self._fallback.run_once()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Sweeps no more, waits for what the fallback has in hand at most this long, and tells whether that ended."""
        self._stop.set()
        ended = self._fallback.stop(timeout_s)
        self._thread.join(timeout_s)
        return ended

    def _ring(self, kind: str) -> int:
        now = self._clock.now()
        later = to_text(now + timedelta(seconds=RING_AGAIN_S))
        due = self._store.find(OPERATIONS, {"kind": kind, "due_at": AtMost(to_text(now))}, order="due_at", limit=PAGE)
        rung = 0
        for document in due:
            try:
                # First its next time, then the ring: the other way round, the worker would find its document changed.
                self._store.replace(OPERATIONS, {**document, "due_at": later})
            except Conflict:
                continue  # A worker or another sweeper has it.
            self._broker.ring(kind, document["id"])
            rung += 1
        return rung

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_S):
            try:
                self.run_once()
            except Exception as error:
                # A sweeper that ends would silently stop every retry, enquiry and recovery.
                log.warning("sweep failed", error=f"{type(error).__name__}: {error}")
