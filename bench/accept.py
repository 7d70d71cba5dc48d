"""Accepting: how fast a POST is durable, beside a view that does nothing."""

from collections.abc import Callable, Iterator
from statistics import median

from bench.load import Load, closed_loop, paced
from bench.report import Figure
from bench.setups import drain, payments, stack
from ops.stack import Stack, commands

CONNECTIONS = 32
REQUESTS = 4000
ROUNDS = 3


def measure() -> Iterator[Figure]:
    yield share("accept: share of a bare view", payments, drain)
    with stack() as running:
        running.start()
        closed_loop(running.api_port, warm := payments(50), 4)
        load = paced(running.api_port, payments(1000), 100, 16)
        drain(running, len(warm) + load.statuses.get(202, 0))
    note = f"median {load.percentile_s(0.5) * 1000:.1f} ms; the worker settles them meanwhile on the same two cores"
    yield Figure("accept: p99 at 100/s", load.percentile_s(0.99) * 1000, 25, "ms", at_most=True, note=note)


def share(what: str, requests: Callable[[int], list[bytes]], drained: Callable[[Stack, int], object]) -> Figure:
    """The share of the bare view's throughput: the median of pairs measured in turn, without a worker beside them.

    drained: waits for the end of what was accepted, and raises Void unless all of it has ended well.
    """
    ratios, rates = [], []
    for _ in range(ROUNDS):
        bare = _bare()
        with stack() as running:
            running.start(("mock_api", "api"))
            closed_loop(running.api_port, warm := requests(200), CONNECTIONS)
            load = closed_loop(running.api_port, requests(REQUESTS), CONNECTIONS)
            running.start(("worker",))
            drained(running, len(warm) + load.statuses.get(202, 0))
        ratios.append(load.per_second / bare.per_second)
        rates.append((load.per_second, bare.per_second))
    rate, bare_rate = rates[ratios.index(median(ratios))]
    note = f"{rate:.0f}/s beside {bare_rate:.0f}/s of a bare view; median of {ROUNDS} pairs, each drained afterwards"
    return Figure(what, median(ratios), 0.5, "", note=note)


def _bare() -> Load:
    served = [word.replace("api.app:create_app()", "bench.bare:app") for word in commands()["api"]]
    with stack(programs={"api": served}) as running:
        running.start(("api",))
        closed_loop(running.api_port, payments(200), CONNECTIONS)
        return closed_loop(running.api_port, payments(REQUESTS), CONNECTIONS)
