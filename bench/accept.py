"""Accepting: how fast a POST is durable, compared with a view that does nothing."""

from collections.abc import Callable, Iterator
from statistics import median

from bench.load import Load, closed_loop, paced
from bench.report import Figure
from bench.setups import Bench, drain, payments
from devtools.stack import Stack, commands

CONNECTIONS = 32
REQUESTS = 4000
ROUNDS = 3


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures the throughput as a share of a bare view, and the latency at a steady rate."""
    yield share(bench, "accept: share of a bare view", payments, drain)
    with bench.stack() as running:
        running.start()
        closed_loop(running.api_port, warm := payments(50), 4)
        load = paced(running.api_port, payments(bench.size(1000, 50)), 100, 16)
        drain(running, len(warm) + load.statuses.get(202, 0))
    note = f"median {load.percentile_s(0.5) * 1000:.1f} ms; the worker settles them meanwhile, on the same two cores"
    yield Figure("accept: p99 at 100/s", load.percentile_s(0.99) * 1000, 25, "ms", at_most=True, note=note)


def share(
    bench: Bench, what: str, requests: Callable[[int], list[bytes]], drained: Callable[[Stack, int], object]
) -> Figure:
    """Returns the throughput as a share of the bare view's: the median of pairs measured in turn, without a worker.

    what: the name of the figure.
    requests: returns this many requests, as bytes to send.
    drained: waits until the accepted operations have ended. Raises InvalidMeasurement unless all have succeeded.
    """
    ratios, rates = [], []
    rounds, number = bench.size(ROUNDS, 1), bench.size(REQUESTS, 40)
    for _ in range(rounds):
        bare = _bare(bench, number)
        with bench.stack() as running:
            running.start(("mock_api", "api"))
            closed_loop(running.api_port, warm := requests(bench.size(200, 10)), CONNECTIONS)
            load = closed_loop(running.api_port, requests(number), CONNECTIONS)
            running.start(("worker",))
            drained(running, len(warm) + load.statuses.get(202, 0))
        ratios.append(load.per_second / bare.per_second)
        rates.append((load.per_second, bare.per_second))
    rate, bare_rate = rates[ratios.index(median(ratios))]
    note = f"{rate:.0f}/s, a bare view {bare_rate:.0f}/s; median of {rounds} pairs, each drained afterwards"
    return Figure(what, median(ratios), 0.5, "", note=note)


def _bare(bench: Bench, number: int) -> Load:
    command = [word.replace("web.app:create_app()", "bench.bare:app") for word in commands()["api"]]
    with bench.stack(programs={"api": command}) as running:
        running.start(("api",))
        closed_loop(running.api_port, payments(bench.size(200, 10)), CONNECTIONS)
        return closed_loop(running.api_port, payments(number), CONNECTIONS)
