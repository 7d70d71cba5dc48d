"""Sealing: what the encryption of the store takes from the accepts and the settling of payments."""

from collections.abc import Iterator, Mapping
from statistics import median

from bench.accept import CONNECTIONS, REQUESTS, ROUNDS
from bench.load import closed_loop
from bench.report import Figure
from bench.setups import Bench, drain, payments

KEYS = {
    "DATA_KEYS": "dGhlIGtleSBvZiBhIG1lYXN1cmVtZW50LCBwdWJsaWM=",
    "DATA_INDEX_KEY": "YW4gaW5kZXggb2YgbWVhc3VyZW1lbnRzLCBwdWJsaWM=",
}


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures the accepts on a sealed store as a share of those on a plain one, in turn, without a worker."""
    rounds, ratios, rates = bench.size(ROUNDS, 1), [], []
    for _ in range(rounds):
        plain, sealed = _accepts(bench, {}), _accepts(bench, KEYS)
        ratios.append(sealed / plain)
        rates.append((sealed, plain))
    rate, plain_rate = rates[ratios.index(median(ratios))]
    note = f"{rate:.0f}/s, on a plain store {plain_rate:.0f}/s; median of {rounds} pairs, each drained afterwards"
    yield Figure("sealed: share of a plain store", median(ratios), 0.8, "", note=note)


def _accepts(bench: Bench, settings: Mapping[str, str]) -> float:
    """Returns the accepts per second. Raises InvalidMeasurement unless all have succeeded."""
    with bench.stack(settings) as running:
        running.start(("mock_api", "api"))
        closed_loop(running.api_port, warm := payments(bench.size(200, 10)), CONNECTIONS)
        load = closed_loop(running.api_port, payments(bench.size(REQUESTS, 40)), CONNECTIONS)
        running.start(("worker",))
        drain(running, len(warm) + load.statuses.get(202, 0))
        return load.per_second
