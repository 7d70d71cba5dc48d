"""The broker port on RabbitMQ 3.10 or later."""

import logging
import os
import threading
from collections.abc import Iterable

from pika import URLParameters

from core.broker.port import EventsTo, Handle, Message
from core.broker.rabbitmq.addresses import addresses
from core.broker.rabbitmq.consumer import Consumer
from core.broker.rabbitmq.publisher import Publisher
from core.broker.rabbitmq.sender import Sender
from core.broker.rabbitmq.topology import NAME, EventTopology, Topology

FLUSH_S = 1.0

# It reports each failed attempt in several long entries; the link does it in one.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class RabbitBroker:
    """Connects at once and in the background. Build it after any fork: threads do not survive one.

    url: see `addresses`. Raises ValueError.
    name: what the names of queues for rings, and of connections, begin with.
    events_to: where published messages go behind the exchange.
    """

    delivery_s = 5.0

    def __init__(self, url: str, name: str = NAME, events_to: EventsTo = "queue") -> None:
        self._url = url
        self._name = name
        self._topology = Topology(name)
        self._event_topology = EventTopology(events_to)
        self._consumers: list[Consumer] = []
        self._sender: Sender | None = None
        self._opening = threading.Lock()
        self._publisher = Publisher(self._addresses("publisher"), self._topology)

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
            self._sender = self._sender or Sender(self._addresses("sender"), self._event_topology)
        self._sender.publish(message)

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Consumer:
        consumer = Consumer(self._addresses("consumer"), self._topology, kinds, handle, concurrency)
        self._consumers.append(consumer)
        return consumer

    def close(self) -> None:
        """Also stops what still consumes, waiting for no handler, and sends what waits for at most a second."""
        for consumer in self._consumers:
            consumer.stop(0)
        self._publisher.close(FLUSH_S)
        if self._sender is not None:
            self._sender.close(FLUSH_S)

    def _addresses(self, role: str) -> list[URLParameters]:
        found = addresses(self._url)
        for parameters in found:
            parameters.client_properties = {"connection_name": f"{self._name} {role} {os.getpid()}"}
        return found
