"""The broker port. A ring is a doorbell with an operation's id: lost, doubled, late or reordered, it is harmless."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote

MAX_NAME_BYTES = 255
"""AMQP 0-9-1, section 4.2.5.3: the length of a short string is one octet."""
MAX_ROUTING_KEY_BYTES = MAX_NAME_BYTES - len("events.stream.v1.")
"""The name of a topic's queue is its routing key and what names of queues begin with."""

EventsTo = Literal["queue", "stream", "exchange"]
"""Where published messages go behind the exchange: see docs/reference/settings.md."""

Handle = Callable[[str], None]


@dataclass(frozen=True)
class Message:
    """What others consume. topic: its parts, of any characters; body: JSON in UTF-8; id: the same on every repeat."""

    topic: tuple[str, ...]
    id: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def routing_key(self) -> str:
        return routing_key(self.topic)


def routing_key(topic: Iterable[str]) -> str:
    """The words of a topic with dots between. No two topics have one key."""
    return ".".join(map(escape, topic))


def escape(part: str, keep: str = "") -> str:
    """A part of a topic as one ASCII word of a routing key: what is not in [A-Za-z0-9_-] is percent-encoded UTF-8.

    keep: other characters that stay as they are.
    """
    # `quote` never encodes these two (RFC 3986, section 2.3); a dot would end the word.
    return quote(part, safe=keep).replace(".", "%2E").replace("~", "%7E")


class Subscription(Protocol):
    def connected(self) -> bool:
        """Whether rings can be heard at the moment. Never blocks."""

    def stop(self, timeout_s: float) -> bool:
        """Takes no more rings and waits for the running handlers at most this long. Returns whether all of them ended.

        Rings that were delivered and not begun go back to the broker.
        """


class Broker(Protocol):
    delivery_s: float
    """How long a ring may take to be heard before the sweeper should look, in seconds; 0 when nothing is ever sent."""

    def connected(self) -> bool:
        """Whether rings reach the broker at the moment. Never blocks."""

    def ring(self, kind: str, id: str) -> None:
        """Asks some worker to look at this operation soon. Never blocks and never raises; the ring may be lost."""

    def publish(self, message: Message) -> None:
        """Returns when the broker has taken responsibility for the message. Blocks for seconds at most.

        Raises BrokerUnavailable; then the broker may have it or not, so that it can be there twice in the end.
        """

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Subscription:
        """Calls handle(operation id) for every ring of these kinds, at most `concurrency` at once, until stopped.

        A handler may be called once more for what it has just handled, never twice at once for one id.
        It brings its own threads and returns at once, also while the broker is down. A ring is acknowledged after its
        handler returned, or raised StoreUnavailable or BrokerUnavailable: the operation's due time brings it back.
        One whose handler raised anything else becomes a dead letter.
        """

    def close(self) -> None:
        """Gives connections and threads back."""
