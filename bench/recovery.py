"""Recovering: how soon a dead worker's operations are finished by another, and how soon a doubt is enquired about."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime

import requests

from bench.load import closed_loop
from bench.report import Figure
from bench.setups import drain, payments, stack
from core.operation import Operation
from ops.stack import Stack

HELD = 200
CALL_S = 5
ENQUIRED = 300


def measure() -> Iterator[Figure]:
    yield _after_a_kill()
    yield _first_enquiry()


def _after_a_kill() -> Figure:
    """All are in their debit, which takes some seconds, when the only worker is killed and another one started."""
    with stack({"WORKER_CONCURRENCY": str(HELD)}) as running:
        running.start(("mock_api", "api"))
        _script(running, {"call": "debit", "answer": "ok", "latency_s": CALL_S, "times": HELD})
        accepted = closed_loop(running.api_port, payments(HELD), 8).statuses.get(202, 0)
        running.start(("worker",))
        _wait_for_debits(running)
        killed = time.time()
        running.stop(["worker"], by=signal.SIGKILL)
        running.start(("worker",), label="-2")
        found = drain(running, accepted)
        took_s = max(operation.updated_at.timestamp() for operation in found) - killed
    note = f"{HELD} held when it was killed; the lease has to end first"
    return Figure("recovery: all finished after SIGKILL of the only worker", took_s, 30, "s", at_most=True, note=note)


def _first_enquiry() -> Figure:
    """The partner does every debit and answers 504."""
    with stack() as running:
        running.start()
        _script(running, {"call": "debit", "answer": "504-done", "times": ENQUIRED})
        accepted = closed_loop(running.api_port, payments(ENQUIRED), 8).statuses.get(202, 0)
        found = drain(running, accepted)
    waits_s = sorted(_wait_s(operation) for operation in found)
    p99_s, middle_s = waits_s[int(0.99 * len(waits_s))], waits_s[len(waits_s) // 2]
    note = f"{ENQUIRED} at once; median {middle_s:.2f} s"
    return Figure("recovery: p99 from a 504 to what the enquiry says", p99_s, 2, "s", at_most=True, note=note)


def _wait_s(operation: Operation) -> float:
    """From the unresolved debit to the next that is known of it, in seconds."""
    debit = [entry for entry in operation.history if entry.step == "debit"]
    at: list[datetime] = [entry.at for entry in debit if entry.event in ("step_unresolved", "step_done")]
    return (at[1] - at[0]).total_seconds()


def _script(running: Stack, fault: dict[str, object]) -> None:
    requests.post(f"{running.mock_api}/_faults", json=[fault], timeout=10).raise_for_status()


def _wait_for_debits(running: Stack) -> None:
    """Until the sandbox has been asked for all debits, of which none has been answered yet."""
    while requests.get(f"{running.mock_api}/_truth", timeout=10).json()["calls"].get("debit", 0) < HELD:
        time.sleep(0.05)
