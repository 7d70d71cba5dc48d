"""Publishes messages for others to consume: many in flight over one connection, each confirmed before it counts."""

from collections import deque
from collections.abc import Sequence

from pika.channel import Channel
from pika.connection import Connection, Parameters
from pika.exceptions import ChannelClosedByBroker

from core.broker.port import Message
from core.broker.rabbitmq.lane import Lane, Sending
from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.topology import EventTopology
from core.broker.throttle import ThrottledLog
from core.errors import BrokerUnavailable

MAX_LANES = 256
"""More than topics are busy at once: each of those holds a worker's thread. RabbitMQ allows 2,047 channels."""


class Sender:
    """To the topic exchange, each topic on a lane of its own.

    When there are too many lanes, the one that is unused for longest is closed.
    """

    def __init__(self, addresses: Sequence[Parameters], topology: EventTopology) -> None:
        self._topology = topology
        self._waiting: deque[Sending] = deque()
        self._lanes: dict[tuple[str, ...], Lane] = {}  # the longest unused first
        self._connection: Connection | None = None
        self._log = ThrottledLog()
        self._link = Link(addresses, self, "broker-sender")
        self._link.start()

    def publish(self, message: Message) -> None:
        """Returns when the server has taken responsibility. Raises BrokerUnavailable; then it may have it or not."""
        if self._link.state is State.DOWN:
            raise BrokerUnavailable(reason="not connected")
        if not self._topology.fits(message.topic):
            raise BrokerUnavailable(reason="the name of its queue would be too long")
        lane = self._lanes.get(message.topic)
        if lane is not None and lane.stalled and not lane.worn_out:
            raise BrokerUnavailable(reason="nothing of its topic is confirmed")
        sending = Sending(message)
        self._waiting.append(sending)
        self._link.wake()
        sending.wait()

    def close(self, timeout_s: float) -> None:
        self._link.close(timeout_s)

    def opened(self, channel: Channel) -> None:
        self._connection = channel.connection

    def work(self) -> None:
        connection = self._connection
        while self._waiting and connection is not None and connection.is_open and self._link.state is State.UP:
            sending = self._waiting.popleft()
            self._lane(connection, sending.message.topic).send(sending)

    def lost(self) -> None:
        self._connection = None
        for lane in self._lanes.values():
            lane.end("the connection was lost")
        self._lanes.clear()
        while self._waiting:
            self._waiting.popleft().end("the connection was lost")

    def closed(self, lane: Lane, reason: Exception) -> None:
        if self._lanes.get(lane.topic) is lane:
            del self._lanes[lane.topic]
        if isinstance(reason, ChannelClosedByBroker):
            self._log.warning("broker_topic_closed", topic=lane.topic, reason=str(reason))

    def _lane(self, connection: Connection, topic: tuple[str, ...]) -> Lane:
        lane = self._lanes.pop(topic, None)
        if lane is not None and lane.worn_out:
            lane.close("nothing of its topic is confirmed")
            lane = None
        if lane is None:
            self._make_room(connection)
            lane = Lane(connection, self._topology, topic, self)
        self._lanes[topic] = lane
        return lane

    def _make_room(self, connection: Connection) -> None:
        # Half of what the server allows: a channel's number is free again only when the server has closed it, too.
        if len(self._lanes) < min(MAX_LANES, connection.params.channel_max // 2):
            return
        lane = next((lane for lane in self._lanes.values() if lane.idle), None) or next(iter(self._lanes.values()))
        del self._lanes[lane.topic]
        lane.close("too many topics at once")
