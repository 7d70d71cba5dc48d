"""What the broker tests share: the two adapters behind one face, and a handler that tests can look into."""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from core.broker.embedded import EmbeddedBroker
from core.broker.port import Broker
from core.broker.rabbitmq import RabbitBroker
from core.broker.rabbitmq.topology import Topology
from core.clock import SystemClock, to_rfc3339
from core.store.sql import SqlStore
from tests.rabbit_control import Queues

PATIENCE_S = 20.0
KINDS = ("fine", "event")


def eventually(met: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """For what other processes do without a message."""
    deadline_s = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        time.sleep(0.02)


class Kit(Protocol):
    """One adapter, as the contract suite sees it."""

    def broker(self) -> Broker:
        """Another broker on the same server or store, as another process has it. Closed after the test."""

    def ring(self, kind: str, id: str) -> None:
        """Makes an operation due and rings it."""

    def settle(self, id: str) -> None:
        """What a worker does to the operation, so that it is not due any more."""


class EmbeddedKit:
    def __init__(self) -> None:
        self._store = SqlStore("sqlite://")
        self._brokers: list[EmbeddedBroker] = []
        self._ringing = self.broker()

    def broker(self) -> EmbeddedBroker:
        self._brokers.append(EmbeddedBroker(self._store, SystemClock(), poll_s=0.01))
        return self._brokers[-1]

    def ring(self, kind: str, id: str) -> None:
        due_at = to_rfc3339(SystemClock().now() - timedelta(seconds=1))
        if self._store.get("operations", id) is None:
            self._store.insert("operations", {"id": id, "kind": kind, "status": "accepted", "due_at": due_at})
        self._ringing.ring(kind, id)

    def settle(self, id: str) -> None:
        operation = self._store.get("operations", id)
        assert operation is not None
        self._store.replace("operations", operation | {"due_at": None})

    def close(self) -> None:
        for broker in self._brokers:
            broker.close()
        self._store.close()


class RabbitKit:
    """With names of its own, so that tests do not hear each other."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        self.topology = Topology(self.name)
        self.queues = Queues(url)
        self._brokers: list[RabbitBroker] = []
        self._ringing: dict[str, RabbitBroker] = {}

    def broker(self, options: str = "") -> RabbitBroker:
        self._brokers.append(RabbitBroker(self.url + options, self.name))
        return self._brokers[-1]

    def ring(self, kind: str, id: str) -> None:
        is_first = kind not in self._ringing
        ringing = self._ringing[kind] = self._ringing.get(kind) or self.broker()
        eventually(ringing.connected)
        ringing.ring(kind, id)
        if is_first:
            # A queue that another connection is just declaring refuses its first ring, and later ones overtake it.
            eventually(lambda: ringing.counts.get("confirmed") == 1)

    def settle(self, id: str) -> None: ...

    def close_brokers(self) -> None:
        for broker in self._brokers:
            broker.close()

    def waiting(self, kind: str) -> int:
        """How many rings of this kind no consumer has been given."""
        return self.queues.waiting(self.topology.queue(kind))

    def close(self) -> None:
        self.close_brokers()
        with suppress(Exception):
            self.queues.delete(self.topology.dead, *(self.topology.queue(kind) for kind in KINDS))
            self.queues.delete_exchange(self.topology.dead)


class Work:
    """A handler that remembers what it was called with, waits at a gate, and raises `raises` for ids in `raising`."""

    def __init__(self, kit: Kit, settle_first: bool = False, open: bool = True) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.peak = 0
        self.raising: set[str] = set()
        self.raises: type[Exception] = RuntimeError
        self.gate = threading.Event()
        if open:
            self.gate.set()
        self._kit = kit
        self._settle_first = settle_first
        self._changed = threading.Condition()

    def __call__(self, id: str) -> None:
        if self._settle_first:
            self._kit.settle(id)
        with self._changed:
            self.begun.append(id)
            self.peak = max(self.peak, len(self.begun) - len(self.ended))
            self._changed.notify_all()
        assert self.gate.wait(PATIENCE_S), "nobody opened the gate"
        if not self._settle_first:
            self._kit.settle(id)
        with self._changed:
            self.ended.append(id)
            self._changed.notify_all()
        if id in self.raising:
            raise self.raises("asked for by a test")

    def wait_begun(self, *ids: str) -> None:
        self._wait(lambda: set(ids) <= set(self.begun))

    def wait_some_begun(self, count: int) -> None:
        """For a closed gate and fewer threads than rings."""
        self._wait(lambda: len(self.begun) >= count)

    def wait_ended(self, *ids: str) -> None:
        self._wait(lambda: set(ids) <= set(self.ended))

    def _wait(self, met: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(met, PATIENCE_S), f"begun: {self.begun}, ended: {self.ended}"
