"""Rings for operations that are due: their ring was lost, their worker died, or their time to try again has come."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event, Thread

import structlog

from core.broker.embedded import Poller
from core.broker.port import Broker
from core.clock import Clock, to_text
from core.errors import Conflict, StoreUnavailable
from core.operation import Operation
from core.store.port import AtMost, Store

SWEEP_S = 0.25
"""Between sweeps: together with the first wait it keeps the first enquiry within two seconds."""
RING_AGAIN_S = 30
"""How long a ring may wait in the broker's queue before it is taken for lost."""
PAGE = 200

log = structlog.get_logger()


@dataclass(frozen=True)
class Sweeper:
    """While the broker is away, `fallback` takes operations from the store and nothing has to wait for its return."""

    store: Store
    broker: Broker
    clock: Clock
    kinds: Iterable[str]
    fallback: Poller

    def run_once(self) -> int:
        """How many operations were rung for or handed over."""
        if not self.broker.connected():
            return self.fallback.run_once()
        return sum(self._ring(kind) for kind in self.kinds)

    def _ring(self, kind: str) -> int:
        now = self.clock.now()
        due = self.store.find("operations", {"kind": kind, "due_at": AtMost(to_text(now))}, order="due_at", limit=PAGE)
        rung = 0
        for document in due:
            operation = replace(Operation.from_document(document), due_at=now + timedelta(seconds=RING_AGAIN_S))
            try:
                # First its next time, then the ring: the other way round, the worker would find its document changed.
                self.store.replace("operations", operation.to_document())
            except Conflict:
                continue  # A worker or another sweeper has it.
            self.broker.ring(kind, operation.id)
            rung += 1
        return rung

    def start(self, stop: Event) -> Thread:
        """Sweeps on a thread of its own until told to stop."""
        thread = Thread(target=self._run, args=(stop,), name="sweeper", daemon=True)
        thread.start()
        return thread

    def _run(self, stop: Event) -> None:
        while not stop.wait(SWEEP_S):
            try:
                self.run_once()
            except StoreUnavailable as error:
                log.warning("sweep failed", error=str(error))
