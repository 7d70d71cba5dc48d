"""Growth: what an accept and a lease cost with many operations stored, beside few."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from bench.report import Figure
from core.accept import Order, accept
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock, to_text
from core.ids import new_id
from core.operation import Lease, Operation, Status, fingerprint
from core.store.port import OPERATIONS, AtMost, Store
from core.store.sql import SqlStore

FEW, MANY = 1_000, 200_000
ROUNDS = 400
WRITERS = 32


def measure() -> Iterator[Figure]:
    """Both stores are asked in turn, so that the machine's mood touches them alike."""
    with tempfile.TemporaryDirectory(prefix="quittance-bench-") as folder:
        few, many = (_filled(Path(folder) / f"{number}.sqlite", number) for number in (FEW, MANY))
        times: dict[tuple[str, int], list[float]] = {}
        for number in range(ROUNDS):
            for store, size in ((few, FEW), (many, MANY)):
                accept_s, lease_s = _once(store, f"{size}:{number}")
                times.setdefault(("accept", size), []).append(accept_s)
                times.setdefault(("lease", size), []).append(lease_s)
        few.close()
        many.close()
    for what in ("accept", "lease"):
        small, large = (median(times[what, size]) for size in (FEW, MANY))
        note = f"{large * 1000:.2f} ms with {MANY:,} operations stored, {small * 1000:.2f} ms with {FEW:,}"
        yield Figure(f"growth: time per {what}", large / small, 1.3, "times", at_most=True, note=note)


def _once(store: Store, name: str) -> tuple[float, float]:
    """One accept, and one lease: finding the operation that is due, and taking it. Both in seconds."""
    clock = SystemClock()
    started = time.perf_counter()
    accepted = accept(store, EmbeddedBroker(store, clock), clock, Order("fine_payment", {"bench": name}, "bench"))
    between = time.perf_counter()
    due = store.find(OPERATIONS, {"kind": "fine_payment", "due_at": AtMost(to_text(clock.now()))}, "due_at", 1)
    operation = Operation.from_document(due[0])
    until = clock.now() + timedelta(hours=1)
    leased = replace(operation, status=Status.PROCESSING, lease=Lease("bench", until), due_at=until)
    store.replace(OPERATIONS, leased.to_document())
    ended = time.perf_counter()
    if operation.id != accepted.operation.id:
        raise RuntimeError("the operation that was found due is not the one just accepted")
    return between - started, ended - between


def _filled(path: Path, number: int) -> SqlStore:
    store = SqlStore(f"sqlite:///{path}")
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(partial(_insert, store), range(number)))
    return store


def _insert(store: Store, number: int) -> None:
    now = SystemClock().now()
    request = {"msisdn": "+2250707000001", "amount": 15000, "amendes": [{"id": f"AM-{number}", "amount": 15000}]}
    ended = Operation(
        id=new_id(),
        kind="fine_payment",
        request=request,
        subject=request["msisdn"],  # type: ignore[arg-type]
        fingerprint=fingerprint("fine_payment", request),
        status=Status.SUCCEEDED,
        created_at=now,
        updated_at=now,
    )
    store.insert(OPERATIONS, ended.to_document())
