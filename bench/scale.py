"""Several workers on the same cores: they are not slower than one, and faster where they wait for partners."""

import time
from collections.abc import Iterator, Mapping

import requests

from bench.load import closed_loop
from bench.report import Figure
from bench.settle import CALLS
from bench.setups import Bench, InvalidMeasurement, drain, payments
from core.store.port import LEASES
from devtools.stack import Stack

WORKERS = (1, 2, 4)
SMOKE_WORKERS = (1, 2)
SLOW_S = 0.2
THREADS = 8
"""Threads of each worker with slow partners: few enough that cores are no limit."""

START_S = 30.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures payments a second with one, two and four workers, beside the API and the partners."""
    yield from _rates(bench, "instant partners", {}, 0, {2: 1.0, 4: 1.0}, bench.size(600, 20))
    threads = {"WORKER_CONCURRENCY": str(THREADS), "PARTNER_CALLS": str(THREADS)}
    slow = f"partners of {SLOW_S * 1000:.0f} ms"
    yield from _rates(bench, slow, threads, SLOW_S, {2: 1.8, 4: 3.5}, bench.size(600, 20))


def _rates(
    bench: Bench, partners: str, settings: Mapping[str, str], call_s: float, targets: Mapping[int, float], number: int
) -> Iterator[Figure]:
    tried = SMOKE_WORKERS if bench.smoke else WORKERS
    rates = {workers: _rate(bench, settings, call_s, workers, number) for workers in tried}
    for workers in tried[1:]:
        what = f"scale: {workers} workers against one, {partners}, {bench.setup.name}"
        note = f"{rates[workers]:.0f} instead of {rates[1]:.0f} payments a second"
        yield Figure(what, rates[workers] / rates[1], targets[workers], "times", note=note)


def _rate(bench: Bench, settings: Mapping[str, str], call_s: float, workers: int, number: int) -> float:
    with bench.stack(settings) as running:
        running.start(("mock_api", "api"))
        slow = [{"call": call, "answer": "ok", "latency_s": call_s, "times": number} for call in CALLS if call_s]
        requests.post(f"{running.mock_api}/_faults", json=slow, timeout=10).raise_for_status()
        for worker in range(workers):
            running.start(("worker",), f"-{worker}")
        _wait_for(running, workers)
        accepted = closed_loop(running.api_port, payments(number), 8).accepted
        found = drain(running, accepted)
    begun = min(entry.at for operation in found for entry in operation.history if entry.event == "processing")
    return number / (max(operation.updated_at for operation in found) - begun).total_seconds()


def _wait_for(running: Stack, workers: int) -> None:
    """Waits until so many workers have taken a share of the operations. Raises InvalidMeasurement."""
    store, give_up_at = running.open_store(), time.monotonic() + START_S
    try:
        while sum(len(lease["workers"]) for lease in store.find(LEASES, {})) < workers:
            if time.monotonic() > give_up_at:
                raise InvalidMeasurement(f"{workers} workers have not started within {START_S} s")
            time.sleep(0.1)
    finally:
        store.close()
