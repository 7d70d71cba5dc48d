"""Settling: how much time the worker adds to the partners' time, and its throughput."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import requests

from bench.load import closed_loop, paced
from bench.report import Figure
from bench.setups import Bench, drain, payments

IN_FLIGHT = 1000
CALL_S = 10
CALLS = ("fine", "debit", "settle")


def in_flight(bench: Bench) -> Iterator[Figure]:
    """Measures one worker with a thousand partner calls of ten seconds in flight."""
    at_once, call_s = bench.size(IN_FLIGHT, 10), bench.size(CALL_S, 1)
    number = 2 * at_once
    with bench.stack({"WORKER_CONCURRENCY": str(at_once), "PARTNER_CALLS": str(at_once)}) as running:
        running.start(("mock_api", "api"))
        slow = [{"call": call, "answer": "ok", "latency_s": call_s, "times": number} for call in CALLS]
        requests.post(f"{running.mock_api}/_faults", json=slow, timeout=10).raise_for_status()
        accepted = closed_loop(running.api_port, payments(number), 8).statuses.get(202, 0)
        running.start(("worker",))
        found = drain(running, accepted)
        memory_mb = _peak_mb(running.processes["worker"].pid)
    begun = min(entry.at for operation in found for entry in operation.history if entry.event == "processing")
    took_s = (max(operation.updated_at for operation in found) - begun).total_seconds()
    ideal_s = number * len(CALLS) * call_s / at_once
    note = f"{number} payments of {len(CALLS)} calls in {took_s:.1f} s from the first intent; ideal {ideal_s:.0f} s"
    what = f"worker: share of the ideal rate, {at_once:,} calls of {call_s} s in flight"
    yield Figure(what, ideal_s / took_s, 0.95, "", note=note)
    yield Figure(
        "worker: peak memory with these calls", memory_mb, 200, "MB", at_most=True, note="VmHWM of the process"
    )


def overhead(bench: Bench, target_ms: float = 60) -> Iterator[Figure]:
    """Measures the time from POST to end, with payments far apart and partners that answer at once."""
    warm = bench.size(20, 2)
    with bench.stack() as running:
        running.start()
        accepted = paced(running.api_port, payments(bench.size(150, 10)), 5, 2).statuses.get(202, 0)
        found = drain(running, accepted)
    times_ms = [(operation.updated_at - operation.created_at).total_seconds() * 1000 for operation in found[warm:]]
    note = f"includes {len(CALLS)} HTTP calls of instant partners"
    what = f"overhead: median from POST to end, {bench.setup.broker}"
    yield Figure(what, median(times_ms), target_ms, "ms", at_most=True, note=note)


def overhead_rabbitmq(bench: Bench) -> Iterator[Figure]:
    """Measures the overhead with rings through RabbitMQ."""
    yield from overhead(bench.on_rabbitmq, 30)


def throughput(bench: Bench) -> Iterator[Figure]:
    """Measures payments a second, with the load, the API, the worker and the partners on the same cores."""
    number = bench.size(1500, 40)
    with bench.stack() as running:
        running.start()
        accepted = closed_loop(running.api_port, payments(number), 8).statuses.get(202, 0)
        found = drain(running, accepted)
    took_s = (max(o.updated_at for o in found) - min(o.created_at for o in found)).total_seconds()
    note = f"{number} payments in {took_s:.1f} s, from the first POST to the last end"
    yield Figure("throughput: payments settled a second", number / took_s, 50, "/s", note=note)


def _peak_mb(pid: int) -> float:
    """Returns the peak resident memory of a process, in megabytes (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
