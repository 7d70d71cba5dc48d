"""The broker port without a broker: it polls the store for due operations, many times a second."""

from collections.abc import Iterable
from pathlib import Path

from core.broker.poller import Poller
from core.broker.port import Handle, Message
from core.broker.topic_log import TopicLog
from core.clock import Clock
from core.sealing import Sealing
from core.store.port import Store


class EmbeddedBroker:
    """Workers of other processes find due operations within `poll_s` seconds; those of this process, at once."""

    delivery_s = 0.0

    def __init__(
        self,
        store: Store,
        clock: Clock,
        poll_s: float = 0.05,
        folder: Path = Path("var"),
        sealing: Sealing | None = None,
    ) -> None:
        """folder: where the log of published messages is kept. sealing: see `TopicLog`."""
        self._log = TopicLog(folder, sealing)
        self._store = store
        self._clock = clock
        self._poll_s = poll_s
        self._pollers: list[Poller] = []

    def connected(self) -> bool:
        return True

    def ring(self, kind: str, id: str) -> None:
        for poller in self._pollers:
            if kind in poller.kinds:
                poller.wake()

    def publish(self, message: Message) -> None:
        self._log.append(message)

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Poller:
        poller = Poller(self._store, self._clock, kinds, handle, concurrency, self._poll_s)
        self._pollers.append(poller)
        poller.start()
        return poller

    def close(self) -> None:
        """Stops what still consumes, waiting for no handler."""
        for poller in self._pollers:
            poller.stop(0)
