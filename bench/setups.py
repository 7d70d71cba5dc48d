"""What every measurement gets: the servers to measure on, how much to measure, and the checks that make it valid."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path

import pika
import requests
from pika.exceptions import ChannelClosedByBroker

from bench.load import ADMIN_TOKEN, post
from core.bootstrap import ring_queue
from core.installed import DEFAULT
from core.operation import TERMINAL, Operation
from core.store.port import OPERATIONS, AtMost, Store, scan
from devtools.rabbit import Rabbit, open_rabbit
from devtools.setups import Setup
from devtools.stack import Stack
from products.fines.contract import FINE_PAYMENT

INSTANT = {
    "MOCK_LATENCY_MAX_S": "0",
    "MOCK_TIMEOUT_RATE": "0",
    "MOCK_VERIFY_FAIL_RATE": "0",
    "MOCK_BLACKLIST_FAIL_RATE": "0",
    "LOG_LEVEL": "WARNING",
    "RATE_LIMITS": "off",
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "SECRET_KEY": "s" * 32,
    "PIN_PEPPER": "p" * 32,
}
POLL_S = 0.25
PATIENCE_S = 60.0
"""How long no operation may end before a measurement gives up waiting."""

_numbers = count(1)


class InvalidMeasurement(Exception):
    """The measurement is not valid: accepted, stored, finished and debited do not agree."""


@dataclass(frozen=True)
class Bench:
    """Where and how much to measure.

    setup: the servers of all stacks.
    smoke: whether counts are tiny: it shows that everything still runs and adds up, and says nothing about speed.
    servers: stops the servers that measurements start.
    """

    setup: Setup = field(default_factory=Setup)
    smoke: bool = False
    servers: ExitStack = field(default_factory=ExitStack)

    def size(self, full: int, smoke: int) -> int:
        """Returns a number of requests, rounds or seconds: `full`, or `smoke` in a smoke run."""
        return smoke if self.smoke else full

    @contextmanager
    def stack(
        self, settings: Mapping[str, str] | None = None, programs: Mapping[str, list[str]] | None = None
    ) -> Iterator[Stack]:
        """Yields a stack with instant partners on an empty store, not started yet, in a temporary folder.

        settings: other settings of the stack.
        programs: by process name, commands that replace those of the Procfile.
        """
        with (
            tempfile.TemporaryDirectory(prefix="quittance-bench-") as folder,
            self.setup.stack(Path(folder), {**INSTANT, **(settings or {})}, programs) as running,
        ):
            yield running

    @cached_property
    def rabbit(self) -> Rabbit:
        """A RabbitMQ: the set-up's own, or else a private one that is started once. Raises ServerMissing."""
        return self.setup.rabbit or self.servers.enter_context(open_rabbit())

    @property
    def on_rabbitmq(self) -> "Bench":
        """The same with that RabbitMQ."""
        return replace(self, setup=replace(self.setup, rabbit=self.rabbit))


def payments(number: int) -> list[bytes]:
    """Returns requests to pay one fine each. Every fine is new in this process, and each request has its own payer."""
    return [post("/amendes/payments/", payment()) for _ in range(number)]


def payment() -> Mapping[str, object]:
    """Returns the body of such a request."""
    number = next(_numbers)
    # The sandbox's rule for the amount of a fine: its registry checks it.
    amount = (15000, 10000, 5000)[number % 3]
    # Not ending in 01 to 10: what these do is fixed at the sandbox.
    phone = f"+22507{number // 89 % 10**6:06d}{11 + number % 89}"
    return {
        "msisdn": phone,
        "currency": "XOF",
        "amount": amount,
        "amendes": [{"id": f"AM-{2000 + number // 900_000}-{number % 900_000:06d}", "amount": amount}],
    }


def drop_rings(rabbit: Rabbit) -> None:
    """Empties the queues of our kinds, as the stack is gone whose operations they ring for."""
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        for kind in DEFAULT.contracts:
            with suppress(ChannelClosedByBroker):  # nobody has rung for this kind
                connection.channel().queue_purge(ring_queue(kind))


def check_stored(running: Stack, accepted: int) -> None:
    """Raises InvalidMeasurement unless each accepted payment is stored, and nothing else."""
    store = running.open_store()
    stored = sum(1 for _ in scan(store, OPERATIONS, {"kind": FINE_PAYMENT.kind}))
    store.close()
    if stored != accepted:
        raise InvalidMeasurement(f"accepted {accepted}, stored {stored}")


def drain(running: Stack, accepted: int) -> list[Operation]:
    """Waits until every payment has ended, and returns them.

    Raises InvalidMeasurement unless accepted = stored = finished = debited.
    """
    found = ended(running, FINE_PAYMENT.kind)
    finished = sum(operation.status in TERMINAL for operation in found)
    debits = len(requests.get(f"{running.mock_api}/_truth", timeout=60).json()["debits"])
    if not 0 < accepted == len(found) == finished == debits:
        raise InvalidMeasurement(f"accepted {accepted}, stored {len(found)}, finished {finished}, debited {debits}")
    return found


def ended(
    running: Stack,
    kind: str,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Operation]:
    """Waits as long as operations of this kind go on ending, and returns all of the kind."""
    store = running.open_store()
    try:
        unfinished, give_up_at = -1, monotonic()
        while _is_any_due(store, kind):
            if monotonic() >= give_up_at:
                left = sum(operation.status not in TERMINAL for operation in _all(store, kind))
                if left == unfinished:
                    break
                unfinished, give_up_at = left, monotonic() + PATIENCE_S
            sleep(POLL_S)
        return _all(store, kind)
    finally:
        store.close()


def _is_any_due(store: Store, kind: str) -> bool:
    """Every unfinished operation has a due time. Looking for one of them does not disturb the measurement."""
    return bool(store.find(OPERATIONS, {"kind": kind, "due_at": AtMost("9999")}, limit=1))


def _all(store: Store, kind: str) -> list[Operation]:
    return [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": kind})]
