"""Sends rings from any thread over one connection, with confirms, many in flight."""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.connection import Parameters
from pika.frame import Method
from pika.spec import Basic

from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.topology import SEPARATOR, Topology
from core.broker.throttle import ThrottledLog

# About a second of work. When rings come faster for longer, the sweeper serves them better.
MAX_WAITING = 10_000
# Enough to keep the server's disk busy, few enough to lose little with a connection.
MAX_UNCONFIRMED = 1_000  # messages
# Rings that come within this time share a message for each kind. The first one after a pause is sent at once.
GATHER_S = 0.02
# Few enough that no worker holds many rings that another one could hear.
MAX_RINGS_PER_MESSAGE = 20
# A queue that is just being declared, or changes its leader, refuses for a moment; one that is full goes on refusing.
# In all less than what the sweeper waits.
RETRIES_S = (0.2, 0.4, 0.8, 1.6)
# A channel that was opened while a queue changed its leader may refuse every message. A new channel accepts them,
# unless the queue is full.
WORN_OUT_S = 10.0

RING = BasicProperties(content_type="text/plain", delivery_mode=DeliveryMode.Persistent.value)


class Ring(NamedTuple):
    kind: str
    id: str
    refusals: int = 0


class Publisher:
    """Rings that cannot be sent are dropped and counted: the store has the operation, and the sweeper rings again.

    Rings of one kind share a message when they come fast: a message and its confirm take longer than all the rest.

    counts: rings `sent`, `confirmed`, `refused` by the server, `unroutable`, `dropped` unsent, `lost` when cut off.
    """

    def __init__(self, addresses: Sequence[Parameters], topology: Topology) -> None:
        self.counts: Counter[str] = Counter()
        self._topology = topology
        self._waiting: deque[Ring] = deque()
        self._gathering = False
        self._unconfirmed: dict[int, tuple[Ring, ...]] = {}
        self._declared: set[str] = set()
        self._unheard_since: dict[str, float] = {}  # by kind, from the first ring that was sent in vain
        self._channel: Channel | None = None
        self._last_tag = 0
        self._closing = False
        self._flushed = threading.Event()
        self._log = ThrottledLog()
        self._link = Link(addresses, self, "broker-publisher")
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
        if not self._gathering:
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
        self._gathering = False
        self._declared.clear()
        self._unheard_since.clear()
        self._last_tag = 0
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)

    def work(self) -> None:
        self._gathering = False  # before the work, not after: what comes in meanwhile needs a wake
        self._replace_channel_if_worn_out()
        batches: defaultdict[str, list[Ring]] = defaultdict(list)
        while self._waiting and len(self._unconfirmed) < MAX_UNCONFIRMED and self._ready():
            ring = self._waiting.popleft()
            batches[ring.kind].append(ring)
            if len(batches[ring.kind]) == MAX_RINGS_PER_MESSAGE:
                self._send(*batches.pop(ring.kind))
        for batch in batches.values():
            self._send(*batch)
            self._gather()
        if self._closing and not self._waiting and not self._unconfirmed:
            self._flushed.set()

    def lost(self) -> None:
        self._channel = None
        self.counts["lost"] += len(self._waiting) + sum(map(len, self._unconfirmed.values()))
        self._gathering = False
        self._waiting.clear()
        self._unconfirmed.clear()
        self._flushed.set()

    def _replace_channel_if_worn_out(self) -> None:
        worn_out = [kind for kind, since in self._unheard_since.items() if time.monotonic() - since > WORN_OUT_S]
        if worn_out and self._channel is not None and self._channel.is_open:
            self._log.warning("rings_not_confirmed", kinds=worn_out)
            self._channel.close()

    def _ready(self) -> bool:
        return self._channel is not None and self._channel.is_open and self.connected

    def _gather(self) -> None:
        """Has the rings of the next moment wait for each other: until then, none of them wakes the I/O thread."""
        if not self._gathering and not self._closing:
            self._gathering = True
            self._link.later(GATHER_S, self.work)

    def _send(self, *rings: Ring) -> None:
        """Sends rings of one kind in one message."""
        assert self._channel is not None
        kind = rings[0].kind
        if kind not in self._declared:
            # Before the first worker has run, no other process declares the queue, and the ring must wait somewhere.
            self._topology.declare(self._channel, kind)
            self._declared.add(kind)
        body = SEPARATOR.join(ring.id for ring in rings).encode(errors="replace")
        self._channel.basic_publish("", self._topology.queue(kind), body, RING, mandatory=True)
        self._last_tag += 1
        self._unconfirmed[self._last_tag] = rings
        self._unheard_since.setdefault(kind, time.monotonic())
        self.counts["sent"] += len(rings)

    def _confirmed(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        method = frame.method
        confirmed = isinstance(method, Basic.Ack)
        for tag in confirmed_tags(self._unconfirmed, method):
            rings = self._unconfirmed.pop(tag, ())
            self.counts["confirmed" if confirmed else "refused"] += len(rings)
            if confirmed and rings:
                self._unheard_since.pop(rings[0].kind, None)
            elif rings:
                self._refused(rings)
        if self._closing or not self._gathering:
            self.work()

    def _refused(self, rings: tuple[Ring, ...]) -> None:
        refusals = max(ring.refusals for ring in rings)
        if refusals == len(RETRIES_S) or len(self._waiting) >= MAX_WAITING:
            self._log.warning("rings_refused", kind=rings[0].kind, ids=[ring.id for ring in rings])
        else:
            again = [ring._replace(refusals=refusals + 1) for ring in rings]
            self._link.later(RETRIES_S[refusals], partial(self._retry, again))

    def _retry(self, rings: list[Ring]) -> None:
        self._waiting.extend(rings)
        self.work()

    def _returned(self, _: Channel, method: Basic.Return, properties: BasicProperties, body: bytes) -> None:
        """The queue was there once and is gone: declared again with the next ring."""
        ids = body.decode(errors="replace").split(SEPARATOR)
        self.counts["unroutable"] += len(ids)
        self._declared.clear()
        self._log.warning("rings_unroutable", queue=method.routing_key, ids=ids)


def confirmed_tags(unconfirmed: Mapping[int, object], method: "Basic.Ack | Basic.Nack") -> list[int]:
    """The tags that one confirm stands for. They were entered in order, so the oldest come first."""
    last = method.delivery_tag or 0
    return list(takewhile(lambda tag: tag <= last, unconfirmed)) if method.multiple else [last]
