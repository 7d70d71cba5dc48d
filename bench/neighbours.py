"""Two products in one worker: what the payments of one take while the operator of the other is a black hole."""

import random
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from bench.report import Figure
from bench.setups import KIND, Void, payment, stack
from core.accept import Order, accept
from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock
from core.operation import Operation, Status
from core.settings import Settings, read_settings
from core.store.port import OPERATIONS, scan
from core.store.sql import SqlStore
from ops.stack import Stack
from worker.decide import Policy
from worker.engine import Engine
from worker.process import Process
from worker.products import build

NEIGHBOUR = "neighbour"
ROUNDS = 3
SECONDS = 25
"""Long enough for the dead partner's calls to fill their places, time out, and open the circuit."""
NEIGHBOURS_A_SECOND, OTHERS_A_SECOND = 5, 20
WARM_UP_S = 5


def measure() -> Iterator[Figure]:
    """The median of pairs measured in turn, so that the machine's mood touches both alike."""
    pairs = [(_p50_ms(dead=True), _p50_ms(dead=False)) for _ in range(ROUNDS)]
    told = ", ".join(f"{dead:.1f}/{healthy:.1f} ms" for dead, healthy in pairs)
    note = f"{told}; {NEIGHBOURS_A_SECOND}/s beside {OTHERS_A_SECOND}/s of the other"
    yield Figure(
        "neighbours: p50 of a product, the other's partner dead / healthy",
        median(dead / healthy for dead, healthy in pairs), 1.2, "x", at_most=True, note=note,
    )  # fmt: skip


def _p50_ms(dead: bool) -> float:
    with stack() as running, socket.create_server(("127.0.0.1", 0), backlog=4096) as hole:
        running.start(["mock_api"])
        healthy = replace(
            read_settings(),
            operator_url=f"{running.mock_api}/operator",
            registry_url=f"{running.mock_api}/registry",
            partner_timeout_s=10,
        )
        other = replace(healthy, operator_url=f"http://127.0.0.1:{hole.getsockname()[1]}") if dead else healthy
        return _settle(running, healthy, other)


def _settle(running: Stack, healthy: Settings, other: Settings) -> float:
    store, clock = SqlStore(f"sqlite:///{running.var_dir / 'quittance.sqlite'}"), SystemClock()
    broker = EmbeddedBroker(store, clock)
    core = Core(healthy, clock, store, broker)
    theirs, mine = (build(settings, store, clock, broker)[KIND] for settings in (other, healthy))
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
    for number in range(SECONDS * (NEIGHBOURS_A_SECOND + OTHERS_A_SECOND)):
        time.sleep(max(0, began + number / (NEIGHBOURS_A_SECOND + OTHERS_A_SECOND) - time.monotonic()))
        turn = number % (NEIGHBOURS_A_SECOND + OTHERS_A_SECOND)
        request = payment()
        accept(store, broker, clock, Order(NEIGHBOUR if turn % 5 == 0 else theirs.kind, request, "bench"))
    time.sleep(2)
    subscription.stop(0)
    found = [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": NEIGHBOUR})]
    core.close()
    if not all(operation.status is Status.SUCCEEDED for operation in found):
        raise Void("not all of the neighbour's payments have ended")
    settled = found[WARM_UP_S * NEIGHBOURS_A_SECOND :]
    return median((operation.updated_at - operation.created_at).total_seconds() * 1000 for operation in settled)
