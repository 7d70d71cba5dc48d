"""Settling: what the worker adds to the partners' own time, and how much it gets through."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import requests

from bench.load import closed_loop, paced
from bench.report import Figure
from bench.setups import drain, payments, stack
from ops.rabbit import open_rabbit

IN_FLIGHT = 1000
CALL_S = 10
CALLS = ("fine", "debit", "settle")


def in_flight() -> Iterator[Figure]:
    """A thousand calls of ten seconds each at once, in one process."""
    number = 2 * IN_FLIGHT
    with stack({"WORKER_CONCURRENCY": str(IN_FLIGHT)}) as running:
        running.start(("mock_api", "api"))
        slow = [{"call": call, "answer": "ok", "latency_s": CALL_S, "times": number} for call in CALLS]
        requests.post(f"{running.mock_api}/_faults", json=slow, timeout=10).raise_for_status()
        accepted = closed_loop(running.api_port, payments(number), 8).statuses.get(202, 0)
        running.start(("worker",))
        found = drain(running, accepted)
        memory_mb = _peak_mb(running.processes["worker"].pid)
    begun = min(entry.at for operation in found for entry in operation.history if entry.event == "processing")
    took_s = (max(operation.updated_at for operation in found) - begun).total_seconds()
    ideal_s = number * len(CALLS) * CALL_S / IN_FLIGHT
    note = f"{number} payments of {len(CALLS)} calls in {took_s:.1f} s from the first intent; ideal {ideal_s:.0f} s"
    yield Figure(
        "worker: share of the ideal rate, 1,000 calls of 10 s in flight", ideal_s / took_s, 0.95, "", note=note
    )
    yield Figure("worker: peak memory at that", memory_mb, 200, "MB", at_most=True, note="VmHWM of the one process")


def overhead(label: str, target_ms: float, settings: Mapping[str, str] | None = None) -> Iterator[Figure]:
    """From POST to the end, payments far apart, with partners that answer at once."""
    with stack(settings) as running:
        running.start()
        accepted = paced(running.api_port, payments(150), 5, 2).statuses.get(202, 0)
        found = drain(running, accepted)
    times_ms = [(operation.updated_at - operation.created_at).total_seconds() * 1000 for operation in found[20:]]
    note = f"instant partners, whose {len(CALLS)} answers over HTTP are in it"
    yield Figure(
        f"overhead: median from POST to end, {label}", median(times_ms), target_ms, "ms", at_most=True, note=note
    )


def overhead_rabbitmq() -> Iterator[Figure]:
    """The same with doorbells through a private RabbitMQ node, or the one that BROKER_TEST_URL names."""
    with open_rabbit() as rabbit:
        yield from overhead("RabbitMQ", 30, {"BROKER_URL": rabbit.url})


def throughput() -> Iterator[Figure]:
    """Everything on these cores: the load, the API, the worker and the partners."""
    number = 1500
    with stack() as running:
        running.start()
        accepted = closed_loop(running.api_port, payments(number), 8).statuses.get(202, 0)
        found = drain(running, accepted)
    took_s = (max(o.updated_at for o in found) - min(o.created_at for o in found)).total_seconds()
    note = f"{number} payments in {took_s:.1f} s, from the first POST to the last end"
    yield Figure("throughput: payments settled a second", number / took_s, 50, "/s", note=note)


def _peak_mb(pid: int) -> float:
    """The most memory a process has had resident, in megabytes (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
