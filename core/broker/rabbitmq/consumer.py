"""Takes rings from the queues of some kinds and has them handled on threads of its own."""

from collections import deque
from collections.abc import Iterable
from functools import partial

import structlog
from pika import BasicProperties
from pika.channel import Channel
from pika.connection import Parameters
from pika.frame import Method
from pika.spec import Basic

from core.broker.pool import Outcome, Pool
from core.broker.port import Handle
from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.topology import Topology

log = structlog.get_logger(__name__)

# For the last acknowledgements and the server's goodbye.
CLOSE_S = 2.0


class Consumer:
    """A Subscription. The I/O thread only moves frames, so that a handler may take longer than the heartbeat."""

    def __init__(
        self, parameters: Parameters, topology: Topology, kinds: Iterable[str], handle: Handle, concurrency: int
    ) -> None:
        self._topology = topology
        self._kinds = tuple(kinds)
        self._concurrency = concurrency
        self._pool = Pool(handle, concurrency)
        self._settled: deque[tuple[Channel, int, Outcome]] = deque()
        self._channel: Channel | None = None
        self._kind_of: dict[str, str] = {}  # by consumer tag
        self._stopping = False
        self._link = Link(parameters, self, "broker-consumer")
        self._link.start()

    def connected(self) -> bool:
        return self._link.state is State.UP

    def stop(self, timeout_s: float) -> bool:
        self._stopping = True
        self._link.wake()
        ended = self._pool.stop(timeout_s)
        self._link.close(CLOSE_S)
        return ended

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        self._kind_of.clear()
        channel.add_on_cancel_callback(self._cancelled)
        # For each consumer: quorum queues know no limit for a whole channel. The pool is what bounds the handlers.
        channel.basic_qos(prefetch_count=self._concurrency)
        for kind in self._kinds:
            self._consume(channel, kind)

    def work(self) -> None:
        if self._stopping:
            self._cancel()
        while self._settled:
            channel, tag, outcome = self._settled.popleft()
            # A tag means nothing on another channel than its own: the server has given that ring out again.
            if channel is self._channel and channel.is_open:
                settle(channel, tag, outcome)

    def lost(self) -> None:
        self._channel = None
        self._kind_of.clear()

    def _consume(self, channel: Channel, kind: str) -> None:
        self._topology.declare(channel, kind)
        tag = channel.basic_consume(self._topology.queue(kind), self._delivered)
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
            self._consume(self._channel, kind)

    def _delivered(self, channel: Channel, method: Basic.Deliver, _: BasicProperties, body: bytes) -> None:
        tag = method.delivery_tag or 0
        if not self._pool.offer(body.decode(errors="replace"), partial(self._done, channel, tag)):
            # It is being looked at; that handler, or the operation's due time, finds whatever this ring is about.
            settle(channel, tag, Outcome.HANDLED)

    def _done(self, channel: Channel, tag: int, outcome: Outcome) -> None:
        self._settled.append((channel, tag, outcome))
        self._link.wake()


def settle(channel: Channel, tag: int, outcome: Outcome) -> None:
    """Tells the server what became of a delivery: acknowledged, a dead letter, or given back for somebody else."""
    if outcome is Outcome.HANDLED:
        channel.basic_ack(tag)
    else:
        channel.basic_reject(tag, requeue=outcome is Outcome.NOT_BEGUN)
