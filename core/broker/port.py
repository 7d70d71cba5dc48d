"""The broker port. A ring is a doorbell with an operation's id: lost, doubled, late or reordered, it is harmless."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

Handle = Callable[[str], None]


@dataclass(frozen=True)
class Message:
    """What others consume. topic: its parts, words of [a-z0-9_-]; body: JSON in UTF-8; id: the same on every repeat."""

    topic: tuple[str, ...]
    id: str
    body: bytes
    headers: Mapping[str, str]


class Subscription(Protocol):
    def connected(self) -> bool:
        """Whether rings can be heard at the moment. Never blocks."""

    def stop(self, timeout_s: float) -> bool:
        """Takes no more rings, waits for the running handlers at most this long, and tells whether all of them ended.

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
        handler returned; one whose handler raised is put aside as a dead letter.
        """

    def close(self) -> None:
        """Gives connections and threads back."""
