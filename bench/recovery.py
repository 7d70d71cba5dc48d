"""Recovering: how soon another worker ends a dead worker's operations, and how soon an enquiry resolves a 504."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime

import requests

from bench.load import closed_loop
from bench.report import Figure
from bench.setups import Bench, drain, payments
from core.operation import Operation
from devtools.stack import Stack

HELD = 200
CALL_S = 5
ENQUIRED = 300
SHORT_LEASES = {"PARTNER_TIMEOUT_S": "2", "SETTLE_WINDOW_S": "4"}
"""For a smoke run, which would mostly wait for the lease of a dead worker."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures both."""
    yield _after_a_kill(bench)
    yield _first_enquiry(bench)


def _after_a_kill(bench: Bench) -> Figure:
    """Kills the only worker while all operations are in a slow debit, and starts another."""
    held, call_s = bench.size(HELD, 5), bench.size(CALL_S, 1)
    settings = {"WORKER_CONCURRENCY": str(held), "PARTNER_CALLS": str(held), **(SHORT_LEASES if bench.smoke else {})}
    with bench.stack(settings) as running:
        running.start(("mock_api", "api"))
        _script(running, {"call": "debit", "answer": "ok", "latency_s": call_s, "times": held})
        accepted = closed_loop(running.api_port, payments(held), 8).statuses.get(202, 0)
        running.start(("worker",))
        _wait_for_debits(running, held)
        killed = time.time()
        running.stop(["worker"], by=signal.SIGKILL)
        running.start(("worker",), label="-2")
        found = drain(running, accepted)
        took_s = max(operation.updated_at.timestamp() for operation in found) - killed
    note = f"{held} operations leased when it was killed; the leases have to end first"
    return Figure("recovery: all finished after SIGKILL of the only worker", took_s, 30, "s", at_most=True, note=note)


def _first_enquiry(bench: Bench) -> Figure:
    """Measures the time until the outcome is known, with a partner that carries out every debit but answers 504."""
    number = bench.size(ENQUIRED, 10)
    with bench.stack() as running:
        running.start()
        _script(running, {"call": "debit", "answer": "504-done", "times": number})
        accepted = closed_loop(running.api_port, payments(number), 8).statuses.get(202, 0)
        found = drain(running, accepted)
    waits_s = sorted(_wait_s(operation) for operation in found)
    p99_s, middle_s = waits_s[int(0.99 * len(waits_s))], waits_s[len(waits_s) // 2]
    note = f"{number} at once; median {middle_s:.2f} s"
    return Figure("recovery: p99 from a 504 to the result of the enquiry", p99_s, 2, "s", at_most=True, note=note)


def _wait_s(operation: Operation) -> float:
    """Returns the time from the debit's unknown outcome to the next entry about it, in seconds."""
    debit = [entry for entry in operation.history if entry.step == "debit"]
    at: list[datetime] = [entry.at for entry in debit if entry.event in ("step_unresolved", "step_done")]
    return (at[1] - at[0]).total_seconds()


def _script(running: Stack, fault: dict[str, object]) -> None:
    requests.post(f"{running.mock_api}/_faults", json=[fault], timeout=10).raise_for_status()


def _wait_for_debits(running: Stack, number: int) -> None:
    """Waits until the sandbox has received all debits. It has not answered any of them yet."""
    while requests.get(f"{running.mock_api}/_truth", timeout=10).json()["calls"].get("debit", 0) < number:
        time.sleep(0.05)
