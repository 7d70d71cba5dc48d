"""Wallets: how fast one worker moves money between them, what a bearer token costs, and how long the audit takes."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from api.app import create_app
from api.auth import signed_in
from bench.people import CLOCK, TRANSFER, ask, enter_succeeded, in_threads, open_store, people
from bench.report import Figure
from bench.setups import DRAIN_S, Void, stack
from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.operation import Operation, Status
from core.settings import read_settings
from core.store.port import JOURNAL, OPERATIONS, AtMost, Store, scan
from ops.audit.ledger import examine_ledger
from ops.stack import ROOT, Stack

ROUNDS = 3
WALLETS, MANY = 1000, 3000
OF_ONE = 300
CALLS = 2000
AUDITED = 50_000


def measure() -> Iterator[Figure]:
    rates = [_settled_per_second(WALLETS, MANY) for _ in range(ROUNDS)]
    what = "wallets: transfers a second between 1,000 wallets, embedded, two cores"
    note = f"median of {ROUNDS} rounds of {MANY} ({_told(rates)}) by one worker; the ledger is proven after each"
    yield Figure(what, median(rates), 150, "/s", note=note)
    rates = [_settled_per_second(2, OF_ONE) for _ in range(ROUNDS)]
    what = "wallets: transfers a second from one wallet to one wallet"
    note = f"median of {ROUNDS} rounds of {OF_ONE} ({_told(rates)}), all waiting when the worker starts; none is lost"
    yield Figure(what, median(rates), 30, "/s", note=note)
    yield _bearer_check()


def audit() -> Iterator[Figure]:
    """By the command itself, of transfers that have succeeded: two entries each."""
    with stack() as running:
        running.start(("mock_api",))
        store = open_store(running)
        known = people(store, WALLETS)
        # Each pays the next one as often as the one before pays him: nobody's balance has changed.
        in_threads(lambda n: enter_succeeded(store, known[n % WALLETS], known[(n + 1) % WALLETS]), range(AUDITED))
        entries = sum(1 for _ in scan(store, JOURNAL, {}))
        store.close()
        seconds = [_audited_s(running, AUDITED + WALLETS) for _ in range(ROUNDS)]
    note = f"median of {ROUNDS} ({_told(seconds)}); {entries:,} entries, and the start of the command is in it"
    yield Figure("audit: 100,000 journal entries", median(seconds), 10, "s", at_most=True, note=note)


def _settled_per_second(wallets: int, transfers: int) -> float:
    """All are accepted before the one worker starts. The first of two wallets pays the other; of more, any any."""
    with stack() as running:
        store, chance = open_store(running), random.Random(wallets)
        known = people(store, wallets)
        pairs = [known if wallets == 2 else chance.sample(known, 2) for _ in range(transfers)]
        in_threads(lambda pair: ask(store, *pair), pairs)
        running.start(("worker",))
        ends = sorted(operation.updated_at for operation in _drain(store, transfers))
        store.close()
    return len(ends) / (ends[-1] - ends[0]).total_seconds()


def _drain(store: Store, accepted: int) -> list[Operation]:
    """Waits until every transfer has ended. Raises Void unless all succeeded and the ledger is proven."""
    deadline = time.monotonic() + DRAIN_S
    while store.find(OPERATIONS, {"kind": TRANSFER, "due_at": AtMost("9999")}, limit=1) and time.monotonic() < deadline:
        time.sleep(0.25)
    found = [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": TRANSFER})]
    succeeded = sum(operation.status is Status.SUCCEEDED for operation in found)
    if not accepted == len(found) == succeeded:
        raise Void(f"accepted {accepted}, stored {len(found)}, succeeded {succeeded}")
    if wrong := list(examine_ledger(store)):
        raise Void(f"the ledger is wrong: {wrong[:3]}")
    return found


def _bearer_check() -> Figure:
    """What a view for people takes more than one for anyone: the token is read, and whose it is looked up."""
    with stack() as running:
        store = open_store(running)
        known = people(store, WALLETS)
        settings = replace(read_settings(), var_dir=running.var_dir, secret_key="s" * 32, admin_token="a" * 32)
        app = create_app(Core(settings, CLOCK, store, EmbeddedBroker(store, CLOCK, folder=running.var_dir)))
        views = {"open": lambda: None, "guarded": signed_in(lambda: None)}
        times_ms: dict[str, list[float]] = {name: [] for name in views}
        for number in range(CALLS):
            token = app.extensions["tokens"].issue(known[number % WALLETS])
            for name, view in views.items():
                with app.test_request_context(headers={"Authorization": f"Bearer {token}"}):
                    began = time.perf_counter()
                    view()
                    times_ms[name].append((time.perf_counter() - began) * 1000)
        store.close()
    took_ms = median(times_ms["guarded"]) - median(times_ms["open"])
    slow_ms = sorted(times_ms["guarded"])[int(0.99 * CALLS)]
    note = f"median of {CALLS:,} calls by {WALLETS:,} people, beside the same view for anyone; p99 {slow_ms:.2f} ms"
    return Figure("wallets: bearer check", took_ms, 0.3, "ms", at_most=True, note=note)


def _audited_s(running: Stack, operations: int) -> float:
    """How long the command takes. Raises Void unless it has read all and finds nothing wrong."""
    command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{running.mock_api}/_truth"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=running.environment, capture_output=True, text=True)
    took_s = time.perf_counter() - began
    if done.returncode or json.loads(done.stdout)["accepted"] != operations:
        raise Void(f"the audit is not clean: {done.stdout}{done.stderr}")
    return took_s


def _told(rounds: list[float]) -> str:
    return ", ".join(f"{round:.3g}" for round in rounds)
