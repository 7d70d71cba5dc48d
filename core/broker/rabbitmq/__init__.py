"""The broker port on RabbitMQ 3.10 or later."""

import logging
import os
import threading
from collections.abc import Iterable

from pika import URLParameters

from core.broker.port import Handle, Message
from core.broker.rabbitmq.consumer import Consumer
from core.broker.rabbitmq.publisher import Publisher
from core.broker.rabbitmq.sender import Sender
from core.broker.rabbitmq.topology import Topology

HEARTBEAT_S = 30
FLUSH_S = 1.0

# It reports each failed attempt in several long entries; the link does it in one.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class RabbitBroker:
    """Connects at once and in the background. Build it after any fork: threads do not survive one.

    url: `amqp://user:password@host:port/vhost` or `amqps:`, with `?heartbeat=` seconds if not 30. Raises ValueError.
    name: what the names of queues and connections begin with.
    """

    delivery_s = 5.0

    def __init__(self, url: str, name: str = "quittance") -> None:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError("a RabbitMQ URL begins with amqp:// or amqps://")
        self._url = url
        self._name = name
        self._topology = Topology(name)
        self._consumers: list[Consumer] = []
        self._sender: Sender | None = None
        self._opening = threading.Lock()
        self._publisher = Publisher(self._parameters("publisher"), self._topology)

    @property
    def counts(self) -> dict[str, int]:
        """What became of this process's rings so far; the words are the Publisher's."""
        return dict(self._publisher.counts)

    def connected(self) -> bool:
        return self._publisher.connected

    def ring(self, kind: str, id: str) -> None:
        self._publisher.ring(kind, id)

    def publish(self, message: Message) -> None:
        with self._opening:  # not every process publishes: a connection for those that do
            self._sender = self._sender or Sender(self._parameters("sender"))
        self._sender.publish(message)

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Consumer:
        consumer = Consumer(self._parameters("consumer"), self._topology, kinds, handle, concurrency)
        self._consumers.append(consumer)
        return consumer

    def close(self) -> None:
        """Also stops what still consumes, waiting for no handler, and sends what waits for at most a second."""
        for consumer in self._consumers:
            consumer.stop(0)
        self._publisher.close(FLUSH_S)
        if self._sender is not None:
            self._sender.close(FLUSH_S)

    def _parameters(self, role: str) -> URLParameters:
        parameters = URLParameters(self._url)
        if parameters.heartbeat is None:
            parameters.heartbeat = HEARTBEAT_S
        parameters.client_properties = {"connection_name": f"{self._name} {role} {os.getpid()}"}
        return parameters
