"""Sends rings from any thread over one connection, with confirms, many in flight."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.connection import Parameters
from pika.frame import Method
from pika.spec import Basic

from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.topology import Topology
from core.broker.throttle import ThrottledLog

# About a second's work; who rings faster than that for longer is better served by the sweeper.
MAX_WAITING = 10_000
# Enough to keep the server's disk busy, few enough to lose little with a connection.
MAX_UNCONFIRMED = 1_000
# A queue that is just being declared, or changes its leader, refuses for a moment; one that is full goes on refusing.
RETRY_S = 0.2

RING = BasicProperties(content_type="text/plain", delivery_mode=DeliveryMode.Persistent.value)


class Ring(NamedTuple):
    kind: str
    id: str
    again: bool = False
    """Whether it was refused before."""


class Publisher:
    """Rings that cannot be sent are dropped and counted: whoever rang has written the truth elsewhere.

    counts: rings `sent`, `confirmed`, `refused` by the server, `unroutable`, `dropped` unsent, `lost` when cut off.
    """

    def __init__(self, parameters: Parameters, topology: Topology) -> None:
        self.counts: Counter[str] = Counter()
        self._topology = topology
        self._waiting: deque[Ring] = deque()
        self._unconfirmed: dict[int, Ring] = {}
        self._declared: set[str] = set()
        self._channel: Channel | None = None
        self._last_tag = 0
        self._closing = False
        self._flushed = threading.Event()
        self._log = ThrottledLog()
        self._link = Link(parameters, self, "broker-publisher")
        self._link.start()

    @property
    def connected(self) -> bool:
        return self._link.state is State.UP

    def ring(self, kind: str, id: str) -> None:
        """Leaves a ring to the I/O thread; drops it when there is no connection or too much waits already."""
        if self._link.state is State.DOWN or self._closing or len(self._waiting) >= MAX_WAITING:
            self.counts["dropped"] += 1
            self._log.warning("ring_dropped", kind=kind, id=id, link=self._link.state.value)
            return
        self._waiting.append(Ring(kind, id))
        self._link.wake()

    def close(self, flush_s: float) -> None:
        """Sends what waits, and waits for its confirms, at most this long; then closes the connection."""
        self._flushed.clear()
        self._closing = True
        self._link.wake()
        if self._link.state is not State.DOWN:
            self._flushed.wait(flush_s)
        self._link.close(flush_s)

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        self._declared.clear()
        self._last_tag = 0
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)

    def work(self) -> None:
        while self._waiting and len(self._unconfirmed) < MAX_UNCONFIRMED and self._ready():
            self._send(self._waiting.popleft())
        if self._closing and not self._waiting and not self._unconfirmed:
            self._flushed.set()

    def lost(self) -> None:
        self._channel = None
        self.counts["lost"] += len(self._waiting) + len(self._unconfirmed)
        self._waiting.clear()
        self._unconfirmed.clear()
        self._flushed.set()

    def _ready(self) -> bool:
        return self._channel is not None and self._channel.is_open and self.connected

    def _send(self, ring: Ring) -> None:
        assert self._channel is not None
        if ring.kind not in self._declared:
            # Before any worker has run there is nobody else to do it, and the ring must wait somewhere.
            self._topology.declare(self._channel, ring.kind)
            self._declared.add(ring.kind)
        body = ring.id.encode(errors="replace")
        self._channel.basic_publish("", self._topology.queue(ring.kind), body, RING, mandatory=True)
        self._last_tag += 1
        self._unconfirmed[self._last_tag] = ring
        self.counts["sent"] += 1

    def _confirmed(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        method = frame.method
        confirmed = isinstance(method, Basic.Ack)
        for tag in confirmed_tags(self._unconfirmed, method):
            ring = self._unconfirmed.pop(tag, None)
            self.counts["confirmed" if confirmed else "refused"] += 1
            if not confirmed and ring:
                self._refused(ring)
        self.work()

    def _refused(self, ring: Ring) -> None:
        if ring.again or len(self._waiting) >= MAX_WAITING:
            self._log.warning("ring_refused", kind=ring.kind, id=ring.id)
        else:
            self._link.later(RETRY_S, partial(self._retry, ring._replace(again=True)))

    def _retry(self, ring: Ring) -> None:
        self._waiting.append(ring)
        self.work()

    def _returned(self, _: Channel, method: Basic.Return, properties: BasicProperties, body: bytes) -> None:
        """The queue was there once and is gone: declared again with the next ring."""
        self.counts["unroutable"] += 1
        self._declared.clear()
        self._log.warning("ring_unroutable", queue=method.routing_key, id=body.decode(errors="replace"))


def confirmed_tags(unconfirmed: Mapping[int, object], method: "Basic.Ack | Basic.Nack") -> list[int]:
    """The tags that one confirm stands for. They were entered in order, so the oldest come first."""
    last = method.delivery_tag or 0
    return list(takewhile(lambda tag: tag <= last, unconfirmed)) if method.multiple else [last]
