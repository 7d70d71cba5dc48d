"""Publishes messages for others to consume: many in flight over one connection, each confirmed before it counts."""

import threading
import time
from collections import deque

from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.connection import Parameters
from pika.frame import Method
from pika.spec import Basic

from core.broker.port import Message
from core.broker.rabbitmq.link import Link, State
from core.broker.rabbitmq.publisher import confirmed_tags
from core.errors import BrokerUnavailable

EXCHANGE = "events"
CONFIRM_S = 5.0
"""How long the server may take to say that it has a message: after that, whether it has is not known."""
STALLED_S = 2.0
"""A server that has confirmed nothing for so long is given nothing more: those who wait for it hold threads."""
DECLARED_S = 10.0
"""How long a queue is taken to be there: of one that was deleted nothing is heard while another one takes its topic."""


class _Sending:
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


class Sender:
    """To the topic exchange EXCHANGE, and by way of it to a durable queue named after the topic's parts.

    The queue is declared and bound when this process first publishes to its topic, and every few seconds from then on.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._waiting: deque[_Sending] = deque()
        self._unconfirmed: dict[int, _Sending] = {}
        self._declared: dict[tuple[str, ...], float] = {}
        self._heard_at = time.monotonic()
        self._channel: Channel | None = None
        self._last_tag = 0
        self._link = Link(parameters, self, "broker-sender")
        self._link.start()

    def publish(self, message: Message) -> None:
        """Returns when the server has taken responsibility. Raises BrokerUnavailable; then it may have it or not."""
        if self._link.state is State.DOWN:
            raise BrokerUnavailable(reason="not connected")
        if self._unconfirmed and time.monotonic() - self._heard_at > STALLED_S:
            raise BrokerUnavailable(reason="it confirms nothing")
        sending = _Sending(message)
        self._waiting.append(sending)
        self._link.wake()
        sending.wait()

    def close(self, timeout_s: float) -> None:
        self._link.close(timeout_s)

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        self._declared.clear()
        self._last_tag = 0
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)
        channel.exchange_declare(EXCHANGE, "topic", durable=True)

    def work(self) -> None:
        while self._waiting and self._channel is not None and self._channel.is_open and self._link.state is State.UP:
            self._send(self._channel, self._waiting.popleft())

    def lost(self) -> None:
        self._channel = None
        lost = [*self._unconfirmed.values(), *self._waiting]
        self._unconfirmed.clear()
        self._waiting.clear()
        for sending in lost:
            sending.end("the connection was lost")

    def _send(self, channel: Channel, sending: _Sending) -> None:
        message = sending.message
        key, queue = ".".join(message.topic), "/".join(message.topic)
        now = time.monotonic()
        if now - self._declared.get(message.topic, -DECLARED_S) >= DECLARED_S:
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, EXCHANGE, key)
            self._declared[message.topic] = now
        if not self._unconfirmed:
            self._heard_at = now
        properties = BasicProperties(
            content_type="application/json",
            delivery_mode=DeliveryMode.Persistent.value,
            message_id=message.id,
            headers=dict(message.headers),
        )
        channel.basic_publish(EXCHANGE, key, message.body, properties, mandatory=True)
        self._last_tag += 1
        self._unconfirmed[self._last_tag] = sending

    def _confirmed(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        method, self._heard_at = frame.method, time.monotonic()
        refused = "" if isinstance(method, Basic.Ack) else "the server refused it"
        for tag in confirmed_tags(self._unconfirmed, method):
            if sending := self._unconfirmed.pop(tag, None):
                sending.end(refused)

    def _returned(self, _: Channel, method: Basic.Return, properties: BasicProperties, body: bytes) -> None:
        """Its queue was deleted. The server confirms such a message right after, which then does not count."""
        self._declared.clear()
        for sending in self._unconfirmed.values():
            if sending.message.id == properties.message_id:
                sending.refused = "its queue is gone"
