"""Running set-ups to measure, and the proof that a measurement counts."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import requests

from bench.load import post
from core.operation import TERMINAL, Operation
from core.store.port import OPERATIONS, AtMost, scan
from core.store.sql import SqlStore
from ops.stack import Stack

INSTANT = {
    "MOCK_LATENCY_MAX_S": "0",
    "MOCK_TIMEOUT_RATE": "0",
    "MOCK_VERIFY_FAIL_RATE": "0",
    "MOCK_BLACKLIST_FAIL_RATE": "0",
    "LOG_LEVEL": "WARNING",
}
DRAIN_S = 180
KIND = "fine_payment"

_numbers = count(1)


class Void(Exception):
    """The measurement does not count: what was accepted is not what was stored, finished and debited."""


@contextmanager
def stack(
    settings: Mapping[str, str] | None = None, programs: Mapping[str, list[str]] | None = None
) -> Iterator[Stack]:
    """A stack with instant partners that is not started yet, in a folder that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="quittance-bench-") as folder,
        Stack(Path(folder), {**INSTANT, **(settings or {})}, programs) as running,
    ):
        yield running


def payments(number: int) -> list[bytes]:
    """Requests to pay one fine each, by as many payers, none of them asked for before by this process."""
    return [post("/amendes/payments/", payment()) for _ in range(number)]


def payment() -> Mapping[str, object]:
    """What one of them asks for."""
    number = next(_numbers)
    # The sandbox's own rule for what a fine costs, so that its registry agrees.
    amount = (15000, 10000, 5000)[number % 3]
    phone = f"+22507{number // 90 % 10**6:06d}{10 + number % 90}"
    return {
        "msisdn": phone,
        "currency": "XOF",
        "amount": amount,
        "amendes": [{"id": f"AM-{2000 + number // 900_000}-{number % 900_000:06d}", "amount": amount}],
    }


def drain(running: Stack, accepted: int) -> list[Operation]:
    """Waits until everything has ended and returns it. Raises Void unless accepted = stored = finished = debited."""
    store = SqlStore(f"sqlite:///{running.var_dir / 'quittance.sqlite'}")
    deadline = time.monotonic() + DRAIN_S
    # What is not finished is due some day; to ask for one of these takes nothing from what is measured.
    while store.find(OPERATIONS, {"kind": KIND, "due_at": AtMost("9999")}, limit=1) and time.monotonic() < deadline:
        time.sleep(0.25)
    found = [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": KIND})]
    store.close()
    finished = sum(operation.status in TERMINAL for operation in found)
    debits = len(requests.get(f"{running.mock_api}/_truth", timeout=60).json()["debits"])
    if not accepted == len(found) == finished == debits:
        raise Void(f"accepted {accepted}, stored {len(found)}, finished {finished}, debited {debits}")
    return found
