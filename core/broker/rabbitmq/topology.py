"""The names and arguments of what this system has on the RabbitMQ server.

The server refuses to redeclare a queue with other arguments. To change them, increase the version in the names.
Declarations are sent and not waited for: the server obeys in order, or closes the channel.
"""

from dataclasses import dataclass

from pika.channel import Channel

from core.broker.port import MAX_NAME_BYTES, EventsTo, routing_key

# A message that was delivered this often and never acknowledged crashes its consumers.
DELIVERY_LIMIT = 20
# More waiting rings add nothing: the sweeper rings later for what is refused here.
MAX_RINGS = 100_000
MAX_DEAD_LETTERS = 100_000
# The limits of one topic. Events above them wait in the store, so that a topic nobody consumes cannot fill the disk.
MAX_EVENTS = 1_000_000
MAX_EVENT_BYTES = 4 * 1024**3

EXCHANGE = "events"
DEAD_EVENTS = "events.dead.v1"


NAME = "quittance"
"""What the names of all queues begin with."""
FIRST_DEATH_QUEUE = "x-first-death-queue"
"""The header by which the server names the queue that a dead letter came from."""
SEPARATOR = "\n"
"""Between the ids of one message: a ring is a hint, so many of them may share a message, a confirm and an ack."""


@dataclass(frozen=True)
class Topology:
    """For rings: a durable quorum queue for each kind, and one for dead letters behind an exchange of the same name."""

    name: str

    def queue(self, kind: str) -> str:
        return f"{self.name}.ring.v1.{kind}"

    @property
    def dead(self) -> str:
        return f"{self.name}.dead.v1"

    def declare(self, channel: Channel, kind: str) -> None:
        _declare_dead_letters(channel, self.dead)
        channel.queue_declare(
            self.queue(kind),
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-max-length": MAX_RINGS,
                "x-overflow": "reject-publish",
                "x-dead-letter-exchange": self.dead,
            },
        )


@dataclass(frozen=True)
class EventTopology:
    """For events: a topic exchange, and behind it what keeps the events of each topic.

    to: a quorum queue for each topic, a stream for each, or nothing besides the exchange.
    """

    to: EventsTo = "queue"

    def queue(self, topic: tuple[str, ...]) -> str | None:
        return None if self.to == "exchange" else f"events.{self.to}.v1.{routing_key(topic)}"

    def fits(self, topic: tuple[str, ...]) -> bool:
        """Whether AMQP takes names of this length."""
        return len(self.queue(topic) or routing_key(topic)) <= MAX_NAME_BYTES

    def declare(self, channel: Channel, topic: tuple[str, ...]) -> None:
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        if self.to == "queue":
            _declare_dead_letters(channel, DEAD_EVENTS)
        if queue := self.queue(topic):
            channel.queue_declare(queue, durable=True, arguments=_KEPT[self.to])
            channel.queue_bind(queue, EXCHANGE, routing_key(topic))


_KEPT: dict[EventsTo, dict[str, object]] = {
    "queue": {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-max-length": MAX_EVENTS,
        "x-max-length-bytes": MAX_EVENT_BYTES,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": DEAD_EVENTS,
    },
    "stream": {"x-queue-type": "stream", "x-max-length-bytes": MAX_EVENT_BYTES},
}


def _declare_dead_letters(channel: Channel, name: str) -> None:
    channel.exchange_declare(name, "fanout", durable=True)
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": MAX_DEAD_LETTERS})
    channel.queue_bind(name, name)
