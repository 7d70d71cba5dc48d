"""Two products in one worker: how long the payments of one take while the other's operator does not answer."""

import random
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement, ended, payment
from core.accept import Command, accept
from core.bootstrap import Core, embedded_broker
from core.clock import SystemClock
from core.operation import Status
from core.operators import only_operator
from core.settings import Settings, read_settings
from devtools.stack import Stack
from products.fines.contract import FINE_PAYMENT, FinesSettings
from worker.engine import Engine
from worker.policy import Policy
from worker.process import Process
from worker.products import build

NEIGHBOUR = "neighbour"
ROUNDS = 3
LOAD_S = 25
"""Long enough for calls of the dead partner to reach their limit, time out, and open the circuit."""
NEIGHBOURS_PER_SECOND, OTHERS_PER_SECOND = 5, 20
WARM_UP_S = 5


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures pairs in turn, so that changes of the machine's speed affect both alike, and takes the median."""
    pairs = [(_p50_ms(bench, dead=True), _p50_ms(bench, dead=False)) for _ in range(bench.size(ROUNDS, 1))]
    listed = ", ".join(f"{dead:.1f}/{healthy:.1f} ms" for dead, healthy in pairs)
    note = f"{listed}; {NEIGHBOURS_PER_SECOND}/s, and {OTHERS_PER_SECOND}/s of the other"
    yield Figure(
        "neighbours: p50 of a product, the other's partner dead / healthy",
        median(dead / healthy for dead, healthy in pairs), 1.2, "x", at_most=True, note=note,
    )  # fmt: skip


def _p50_ms(bench: Bench, dead: bool) -> float:
    """Returns the neighbour's median time, in milliseconds.

    dead: whether the other product's operator answers nothing.
    """
    with bench.stack() as running, socket.create_server(("127.0.0.1", 0), backlog=4096) as hole:
        running.start(["mock_api"])
        timeout_s, settings = bench.size(10, 2), read_settings()

        def with_operator(url: str) -> Settings:
            table = only_operator(url, settings.partner_calls, timeout_s, settings.settle_window_s)
            with_table = replace(settings, operators=table, partner_timeout_s=timeout_s)
            return with_table.having(FinesSettings(f"{running.mock_api}/registry", "XOF"))

        healthy = with_operator(f"{running.mock_api}/operator")
        other = with_operator(f"http://127.0.0.1:{hole.getsockname()[1]}") if dead else healthy
        return _settle(running, healthy, other, bench.size(LOAD_S, 2), bench.size(WARM_UP_S, 1))


def _settle(running: Stack, healthy: Settings, other: Settings, load_s: int, warm_up_s: int) -> float:
    """Runs one worker with both products. Returns the median time of the neighbour's payments, in milliseconds.

    load_s: seconds of load, of which the first `warm_up_s` do not count.
    """
    store, clock = running.open_store(), SystemClock()
    broker = embedded_broker(store, clock)
    core = Core(healthy, clock, store, broker)
    theirs, mine = (build(replace(core, settings=settings))[FINE_PAYMENT.kind] for settings in (other, healthy))
    mine = Process(NEIGHBOUR, mine.stages)
    engine = Engine(
        store=store,
        clock=clock,
        processes={theirs.kind: theirs, NEIGHBOUR: mine},
        policy=Policy(settle_window_s=healthy.settle_window_s),
        worker="bench",
        call_s=healthy.partner_timeout_s,
        jitter=random.random,
    )
    subscription = broker.consume([theirs.kind, NEIGHBOUR], engine.advance, healthy.worker_concurrency)
    began = time.monotonic()
    for number in range(load_s * (NEIGHBOURS_PER_SECOND + OTHERS_PER_SECOND)):
        time.sleep(max(0, began + number / (NEIGHBOURS_PER_SECOND + OTHERS_PER_SECOND) - time.monotonic()))
        turn = number % (NEIGHBOURS_PER_SECOND + OTHERS_PER_SECOND)
        request = payment()
        accept(store, broker, clock, Command(NEIGHBOUR if turn % 5 == 0 else theirs.kind, request, "bench"))
    found = ended(running, NEIGHBOUR)
    subscription.stop(2 * healthy.partner_timeout_s)
    core.close()
    accepted, succeeded = load_s * NEIGHBOURS_PER_SECOND, sum(each.status is Status.SUCCEEDED for each in found)
    if not accepted == len(found) == succeeded:
        raise InvalidMeasurement(f"accepted {accepted}, stored {len(found)}, succeeded {succeeded}")
    settled = found[warm_up_s * NEIGHBOURS_PER_SECOND :]
    return median((operation.updated_at - operation.created_at).total_seconds() * 1000 for operation in settled)
