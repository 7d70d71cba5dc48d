"""Takes rings from the queues of some kinds and has them handled on threads of its own."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial

import structlog
from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.connection import Parameters
from pika.frame import Method
from pika.spec import Basic

from core.broker.pool import Outcome, Pool
from core.broker.port import Handle
from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.topology import FIRST_DEATH_QUEUE, SEPARATOR, Topology

log = structlog.get_logger(__name__)

PERSISTENT = BasicProperties(delivery_mode=DeliveryMode.Persistent.value)
# For the last acknowledgements and the server's goodbye.
CLOSE_S = 2.0


class Consumer:
    """A Subscription. The I/O thread only moves frames, so that a handler may take longer than the heartbeat."""

    def __init__(
        self,
        addresses: Sequence[Parameters],
        topology: Topology,
        kinds: Iterable[str],
        handle: Handle,
        concurrency: int,
    ) -> None:
        self._topology = topology
        self._kinds = tuple(kinds)
        self._concurrency = concurrency
        self._pool = Pool(handle, concurrency)
        self._settled: deque[Delivery] = deque()
        self._channel: Channel | None = None
        self._kind_of: dict[str, str] = {}  # by consumer tag
        self._heard: set[str] = set()  # kinds whose rings the server has agreed to send
        self._stopping = False
        self._link = Link(addresses, self, "broker-consumer")
        self._link.start()

    def connected(self) -> bool:
        # A quorum queue that cannot elect a leader leaves its consumers without an answer, and those after it, too.
        return self._link.state is State.UP and len(self._heard) == len(self._kinds)

    def stop(self, timeout_s: float) -> bool:
        self._stopping = True
        self._link.wake()
        ended = self._pool.stop(timeout_s)
        self._link.close(CLOSE_S)
        return ended

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_cancel_callback(self._cancelled)
        # For each consumer: quorum queues know no limit for a whole channel. The pool is what bounds the handlers.
        channel.basic_qos(prefetch_count=self._concurrency)
        for kind in self._kinds:
            self._consume(channel, kind)

    def work(self) -> None:
        if self._stopping:
            self._cancel()
        while self._settled:
            delivery = self._settled.popleft()
            # A tag means nothing on another channel than its own: the server has given that ring out again.
            if delivery.channel is self._channel and delivery.channel.is_open:
                delivery.settle(self._topology.dead)

    def lost(self) -> None:
        self._channel = None
        self._kind_of.clear()
        self._heard.clear()

    def _consume(self, channel: Channel, kind: str) -> None:
        self._topology.declare(channel, kind)
        queue = self._topology.queue(kind)
        tag = channel.basic_consume(queue, self._delivered, callback=lambda _: self._heard.add(kind))
        self._kind_of[tag] = kind

    def _cancel(self) -> None:
        if self._channel is not None and self._channel.is_open:
            for tag in self._kind_of:
                self._channel.basic_cancel(tag)
        self._kind_of.clear()

    def _cancelled(self, frame: "Method[Basic.Cancel]") -> None:
        """By the server, because the queue was deleted."""
        kind = self._kind_of.pop(frame.method.consumer_tag or "", None)
        if kind is not None and self._channel is not None and not self._stopping:
            log.warning("broker_queue_gone", kind=kind)
            self._heard.discard(kind)
            self._consume(self._channel, kind)

    def _delivered(self, channel: Channel, method: Basic.Deliver, _: BasicProperties, body: bytes) -> None:
        ids = body.decode(errors="replace").split(SEPARATOR)
        if method.redelivered and len(ids) > 1:
            self._split(channel, method, ids)
            return
        delivery = Delivery(channel, method, len(ids))
        for id in ids:
            if not self._pool.offer(id, partial(self._done, delivery, id)):
                # It is being looked at; that handler, or the operation's due time, finds whatever this ring is about.
                self._done(delivery, id, Outcome.HANDLED)

    def _split(self, channel: Channel, method: Basic.Deliver, ids: list[str]) -> None:
        """Sends each ring again in a message of its own: if one crashes its worker, the others go on without it."""
        for id in ids:
            channel.basic_publish("", method.routing_key or "", id.encode(errors="replace"), PERSISTENT)
        channel.basic_ack(method.delivery_tag or 0)

    def _done(self, delivery: "Delivery", id: str, outcome: Outcome) -> None:
        if delivery.done(id, outcome):
            self._settled.append(delivery)
            self._link.wake()


class Delivery:
    """A message whose rings are handled one by one. It is settled as a whole, when the last of them is over."""

    def __init__(self, channel: Channel, method: Basic.Deliver, rings: int) -> None:
        self.channel = channel
        self._tag = method.delivery_tag or 0
        self._queue = method.routing_key or ""
        self._rings = rings
        self._ended: list[tuple[str, Outcome]] = []
        self._lock = threading.Lock()

    def done(self, id: str, outcome: Outcome) -> bool:
        """Notes what became of one ring. Returns whether it was the last one."""
        with self._lock:
            self._ended.append((id, outcome))
            return len(self._ended) == self._rings

    def settle(self, dead: str) -> None:
        """Tells the server what became of the message: acknowledged, given back for somebody else, or a dead letter.

        One of which a ring was not begun is given back: the other rings may be handled again without harm. Of several
        rings, each that raised becomes a dead letter of its own.
        What was deferred is acknowledged: given back, it would come again at once, for as long as the store is away.

        dead: the exchange of dead letters.
        """
        raised = [id for id, outcome in self._ended if outcome is Outcome.RAISED]
        if any(outcome is Outcome.NOT_BEGUN for _, outcome in self._ended):
            self.channel.basic_reject(self._tag, requeue=True)
        elif raised and self._rings == 1:
            self.channel.basic_reject(self._tag, requeue=False)
        else:
            for id in raised:
                came_from = {FIRST_DEATH_QUEUE: self._queue}
                properties = BasicProperties(delivery_mode=DeliveryMode.Persistent.value, headers=came_from)
                self.channel.basic_publish(dead, "", id.encode(errors="replace"), properties)
            self.channel.basic_ack(self._tag)
