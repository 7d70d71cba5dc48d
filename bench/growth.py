"""Growth: the time of an accept, of a lease, and of the metrics with many stored operations, compared with few."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from statistics import median

from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement
from core.accept import Command, accept
from core.backlog import read_backlog
from core.bootstrap import embedded_broker
from core.clock import SystemClock, to_rfc3339
from core.ids import new_id
from core.installed import DEFAULT
from core.operation import Lease, Operation, Status, fingerprint
from core.store.port import OPERATIONS, AtMost, Store
from devtools.stack import Stack
from products.fines.contract import FINE_PAYMENT, Fine, FinePayment

FEW, MANY = 1_000, 200_000
ROUNDS = 400
WRITERS = 32


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures both stores in turn, so that changes of the machine's speed affect both alike."""
    fewer, more, rounds = bench.size(FEW, 10), bench.size(MANY, 100), bench.size(ROUNDS, 5)
    with bench.stack() as small, bench.stack() as large:
        few, many = _filled(small, fewer), _filled(large, more)
        times: dict[tuple[str, int], list[float]] = {}
        for number in range(rounds):
            for store, size in ((few, fewer), (many, more)):
                accept_s, lease_s, metrics_s = _once(store, f"{size}:{number}")
                times.setdefault(("accept", size), []).append(accept_s)
                times.setdefault(("lease", size), []).append(lease_s)
                times.setdefault(("reading of the metrics", size), []).append(metrics_s)
        few.close()
        many.close()
    for what in ("accept", "lease", "reading of the metrics"):
        small_s, large_s = (median(times[what, size]) for size in (fewer, more))
        note = f"{large_s * 1000:.2f} ms with {more:,} operations stored, {small_s * 1000:.2f} ms with {fewer:,}"
        yield Figure(f"growth: time per {what}", large_s / small_s, 1.3, "times", at_most=True, note=note)


def _once(store: Store, name: str) -> tuple[float, float, float]:
    """Returns three times in seconds: of one accept, of one lease (finding the due operation, and taking it), and of
    reading what the API's metrics show of the store."""
    clock = SystemClock()
    started = time.perf_counter()
    accepted = accept(store, embedded_broker(store, clock), clock, Command(FINE_PAYMENT.kind, {"bench": name}, "bench"))
    between = time.perf_counter()
    due = store.find(OPERATIONS, {"kind": FINE_PAYMENT.kind, "due_at": AtMost(to_rfc3339(clock.now()))}, "due_at", 1)
    operation = Operation.from_document(due[0])
    until = clock.now() + timedelta(hours=1)
    leased = replace(operation, status=Status.PROCESSING, lease=Lease("bench", until), due_at=until)
    store.replace(OPERATIONS, leased.to_document())
    ended = time.perf_counter()
    if operation.id != accepted.operation.id:
        raise InvalidMeasurement("the due operation is not the one just accepted")
    backlog = read_backlog(store, DEFAULT.contracts, clock.now())
    if not any(each.number for each in backlog.waiting):
        raise InvalidMeasurement("the metrics do not show the operation just taken")
    return between - started, ended - between, time.perf_counter() - ended


def _filled(running: Stack, number: int) -> Store:
    """Returns the stack's store, with this many succeeded operations."""
    store = running.open_store()
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(partial(_insert, store), range(number)))
    return store


def _insert(store: Store, number: int) -> None:
    now = SystemClock().now()
    request = FinePayment("+2250707000001", "XOF", 15000, (Fine(f"AM-{number}", 15000),))
    ended = Operation(
        id=new_id(),
        kind=FINE_PAYMENT.kind,
        request=request.to_json(),
        subject=request.msisdn,
        fingerprint=fingerprint(FINE_PAYMENT.kind, request.to_json()),
        status=Status.SUCCEEDED,
        created_at=now,
        updated_at=now,
    )
    store.insert(OPERATIONS, ended.to_document())
