"""One topic's way to RabbitMQ: a channel of its own, so that an error that closes it stops no other topic."""

import threading
import time
from collections import deque
from typing import Protocol

from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.connection import Connection
from pika.frame import Method
from pika.spec import Basic

from core.broker.port import Message
from core.broker.rabbitmq.publisher import confirmed_tags
from core.broker.rabbitmq.topology import EXCHANGE, EventTopology
from core.errors import BrokerUnavailable

CONFIRM_S = 5.0
"""How long the server may take to say that it has a message: after that, whether it has is not known."""
STALLED_S = 2.0
"""A lane on which nothing was confirmed for so long is given nothing more: those who wait for it hold threads.
After CONFIRM_S it is replaced: a channel that was opened while its queue changed its leader may refuse for ever."""
DECLARED_S = 10.0
"""How long a queue is taken to be there: of one that was deleted nothing is heard while another one takes its topic."""


class Sending:
    """A message on its way, and what became of it: None while that is not known, "" when the server has it."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.refused: str | None = None
        self._over = threading.Event()

    def end(self, refused: str = "") -> None:
        self.refused = self.refused or refused
        self._over.set()

    def wait(self) -> None:
        """Raises BrokerUnavailable, unless the server has it."""
        if not self._over.wait(CONFIRM_S):
            raise BrokerUnavailable(reason=f"not confirmed within {CONFIRM_S:g} s")
        if self.refused:
            raise BrokerUnavailable(reason=self.refused)


class Owner(Protocol):
    def closed(self, lane: "Lane", reason: Exception) -> None:
        """The lane's channel is gone; all that was on it has ended."""


class Lane:
    """Lives as long as its channel. Every method is for the I/O thread; `stalled` and `worn_out` are for any."""

    def __init__(self, connection: Connection, topology: EventTopology, topic: tuple[str, ...], owner: Owner) -> None:
        self.topic = topic
        self._topology = topology
        self._owner = owner
        self._waiting: deque[Sending] = deque()
        self._unconfirmed: dict[int, Sending] = {}
        self._confirmed_at = self._declared_at = float("-inf")
        self._refused = False
        self._last_tag = 0
        self._channel = connection.channel(on_open_callback=self._opened)
        self._channel.add_on_close_callback(self._closed)

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._unconfirmed

    @property
    def stalled(self) -> bool:
        return self._silent_s > STALLED_S

    @property
    def worn_out(self) -> bool:
        return self._silent_s > CONFIRM_S

    @property
    def _silent_s(self) -> float:
        """How long it has waited in vain for the server to take something."""
        return 0.0 if self.idle and not self._refused else time.monotonic() - self._confirmed_at

    def send(self, sending: Sending) -> None:
        if self.idle and not self._refused:
            self._confirmed_at = time.monotonic()
        self._waiting.append(sending)
        if self._channel.is_open:
            self._flush()

    def end(self, reason: str) -> None:
        """Ends all that is on it, as not published."""
        ended = [*self._unconfirmed.values(), *self._waiting]
        self._unconfirmed.clear()
        self._waiting.clear()
        for sending in ended:
            sending.end(reason)

    def close(self, reason: str) -> None:
        self.end(reason)
        if not (self._channel.is_closing or self._channel.is_closed):
            self._channel.close()

    def _opened(self, channel: Channel) -> None:
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)
        self._flush()

    def _closed(self, _: Channel, reason: Exception) -> None:
        self.end(str(reason))
        self._owner.closed(self, reason)

    def _flush(self) -> None:
        now = time.monotonic()
        if now - self._declared_at >= DECLARED_S:
            self._topology.declare(self._channel, self.topic)
            self._declared_at = now
        while self._waiting:
            self._publish(self._waiting.popleft())

    def _publish(self, sending: Sending) -> None:
        message = sending.message
        properties = BasicProperties(
            content_type="application/json",
            delivery_mode=DeliveryMode.Persistent.value,
            message_id=message.id,
            headers=dict(message.headers),
        )
        self._channel.basic_publish(EXCHANGE, message.routing_key, message.body, properties, mandatory=True)
        self._last_tag += 1
        self._unconfirmed[self._last_tag] = sending

    def _confirmed(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        method = frame.method
        self._refused = not isinstance(method, Basic.Ack)
        if not self._refused:
            self._confirmed_at = time.monotonic()
        refused = "the server refused it: its queue is full, or has no leader" if self._refused else ""
        for tag in confirmed_tags(self._unconfirmed, method):
            if sending := self._unconfirmed.pop(tag, None):
                sending.end(refused)

    def _returned(self, _: Channel, method: Basic.Return, properties: BasicProperties, body: bytes) -> None:
        """No queue takes its topic. The server confirms such a message right after, which then does not count."""
        self._declared_at = float("-inf")
        for sending in self._unconfirmed.values():
            if sending.message.id == properties.message_id:
                sending.refused = "no queue takes its topic"
