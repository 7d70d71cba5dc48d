"""How soon doubts end: while a fifth of the look-ups fail, and after a callback."""

from collections.abc import Iterator
from datetime import datetime

import requests

from bench.load import closed_loop, paced, post
from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement, ended, payment, payments
from core.clock import from_rfc3339
from core.operation import TERMINAL, Operation
from devtools.stack import Stack
from products.fines.contract import DEBIT_STEP, FINE_PAYMENT
from worker.partners.operators.client import PREPARE_WITHIN_S
from worker.policy import SEND_WITHIN_S

FAILING = 0.2
WINDOW_S = 6
PAYMENTS = 300
PER_SECOND = 60
APPROVAL_S = 8
"""Longer than the first enquiries are apart, so that a callback is what brings the answer."""
CALLBACKS = 150
"""The sandbox shows the newest 200."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures the end of doubts: from the end of the settle window until the debit is sent again."""
    number = bench.size(PAYMENTS, 8)
    settings = {"MOCK_TIMEOUT_RATE": str(FAILING), "MOCK_LATE_MAX_S": "1", "SETTLE_WINDOW_S": str(WINDOW_S)}
    with bench.stack({**settings, "PARTNER_TIMEOUT_S": "1.5"}) as running:
        running.start()
        rule = {"call": "debit", "answer": "504-lost", "times": number}
        requests.post(f"{running.mock_api}/_faults", json=[rule], timeout=10).raise_for_status()
        paced(running.api_port, payments(number), PER_SECOND, 4)
        waits = [_doubt_s(operation) for operation in _all_ended(running, number)]
    doubts = sorted(wait_s for wait_s in waits if wait_s is not None)
    if len(doubts) < number / 2:
        raise InvalidMeasurement(f"of {number} debits only {len(doubts)} were lost")
    p99_s = doubts[min(len(doubts) - 1, int(0.99 * len(doubts)))]
    note = f"{len(doubts)} lost debits, {FAILING:.0%} of all calls fail; median {doubts[len(doubts) // 2]:.1f} s"
    yield Figure("doubts: from the settle window's end to certainty, p99", p99_s, 10, "s", at_most=True, note=note)
    yield from _callbacks(bench)


def _doubt_s(operation: Operation) -> float | None:
    """Returns the time from the end of the first settle window until the debit was sent again, in seconds.

    None for a debit that was not lost: a repeat of another one was lost in its place.
    """
    times: dict[str, datetime] = {}
    for entry in operation.history:
        if entry.step == DEBIT_STEP:
            times.setdefault(entry.event, entry.at)
    if "step_repeated" not in times:
        return None
    waited = (times["step_repeated"] - times["step_begun"]).total_seconds()
    return waited - (SEND_WITHIN_S + PREPARE_WITHIN_S + WINDOW_S)


def _all_ended(running: Stack, number: int) -> list[Operation]:
    found = ended(running, FINE_PAYMENT.kind)
    if len(found) != number or not all(operation.status in TERMINAL for operation in found):
        raise InvalidMeasurement(f"asked for {number} payments, found {len(found)}")
    return found


def _callbacks(bench: Bench) -> Iterator[Figure]:
    number = bench.size(CALLBACKS, 5)
    with bench.stack({"OPERATORS": "mtn", "MOCK_APPROVAL_S": str(bench.size(APPROVAL_S, 1))}) as running:
        running.start()
        asked = [post("/amendes/payments/", payment()) for _ in range(number)]
        closed_loop(running.api_port, asked, 8)
        found = {operation.id: operation for operation in _all_ended(running, number)}
        sent = requests.get(f"{running.mock_api}/_callbacks", timeout=10).json()["callbacks"]
    waits = sorted(
        (found[id].updated_at - from_rfc3339(callback["at"])).total_seconds()
        for callback in sent
        if (id := callback["url"].rpartition("/")[2].partition(":")[0]) in found
    )
    if len(waits) != number:
        raise InvalidMeasurement(f"{number} payments had {len(waits)} callbacks")
    p99_s = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    note = f"{number} payments by MTN's dialect; median {waits[len(waits) // 2] * 1000:.0f} ms"
    yield Figure("callbacks: from a callback to the end of its payment, p99", p99_s, 2, "s", at_most=True, note=note)
