"""The names and arguments of what this system has on the RabbitMQ server."""

from dataclasses import dataclass

from pika.channel import Channel

# A ring that was delivered this often and never acknowledged brings down whoever takes it.
DELIVERY_LIMIT = 20
# More waiting rings say nothing new: what is refused here, the sweeper rings later.
MAX_RINGS = 100_000
MAX_DEAD_LETTERS = 100_000


@dataclass(frozen=True)
class Topology:
    """A durable quorum queue for each kind, and one for dead letters behind a fanout exchange of the same name.

    The server refuses other arguments than a queue has: who changes them here counts the version in the names up.
    """

    name: str

    def queue(self, kind: str) -> str:
        return f"{self.name}.ring.v1.{kind}"

    @property
    def dead(self) -> str:
        return f"{self.name}.dead.v1"

    def declare(self, channel: Channel, kind: str) -> None:
        """Sends all declarations and waits for none: the server obeys in order, or closes the channel."""
        channel.exchange_declare(self.dead, "fanout", durable=True)
        dead_letters = {"x-queue-type": "quorum", "x-max-length": MAX_DEAD_LETTERS}
        channel.queue_declare(self.dead, durable=True, arguments=dead_letters)
        channel.queue_bind(self.dead, self.dead)
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
