"""Wallets: how fast one worker moves money, also into one wallet; how long a bearer check takes, and the audit."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from api.app import create_app
from api.auth.access import signed_in
from bench.people import CLIENTS, CLOCK, accept_transfer, credit_one, in_threads, open_store, people, store_succeeded
from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement, ended
from core.bootstrap import Core, embedded_broker
from core.installed import DEFAULT
from core.operation import Operation, Status
from core.settings import read_settings
from core.store.port import JOURNAL, Store, scan
from devtools.stack import ROOT, Stack
from products.wallets.contract import TRANSFER
from proof.ledger import examine_ledger

ROUNDS = 3
WALLETS, BETWEEN_MANY = 1000, 3000
INTO_ONE, CREDITS = 1500, 3000
BETWEEN_TWO = 300
CALLS = 2000
AUDITED = 50_000


Pair = Callable[[list[str], random.Random], list[str]]
"""Chooses who pays whom among people."""


def between_any(people_ids: list[str], chance: random.Random) -> list[str]:
    return chance.sample(people_ids, 2)


def into_one(people_ids: list[str], chance: random.Random) -> list[str]:
    merchant, *payers = people_ids
    return [chance.choice(payers), merchant]


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures transfers between many wallets, into one wallet and between two, credits, and the bearer check."""
    wallets, two = bench.size(WALLETS, 10), 2
    where = f"{bench.setup.name}, two cores"
    transfers = bench.size(BETWEEN_MANY, 30)
    rate, how = _rounds(bench, lambda: _settled_per_second(bench, wallets, transfers, between_any))
    note = f"{how} of {transfers} by one worker; the ledger is checked after each"
    yield Figure(f"wallets: transfers a second between {wallets:,} wallets, {where}", rate, 200, "/s", note=note)
    credits = bench.size(CREDITS, 50)
    rate, how = _rounds(bench, lambda: _credited_per_second(bench, credits))
    note = f"{how} of {credits}, each with both entries, by {CLIENTS} threads of one process"
    yield Figure("wallets: credits a second into one wallet", rate, 300, "/s", note=note)
    transfers = bench.size(INTO_ONE, 30)
    rate, how = _rounds(bench, lambda: _settled_per_second(bench, wallets, transfers, into_one))
    note = f"{how} of {transfers} by one worker; the ledger is checked after each"
    yield Figure(f"wallets: transfers a second from {wallets - 1:,} wallets into one", rate, 200, "/s", note=note)
    transfers = bench.size(BETWEEN_TWO, 10)
    rate, how = _rounds(bench, lambda: _settled_per_second(bench, two, transfers, into_one))
    note = f"{how} of {transfers}, all accepted before the worker starts; none is lost"
    yield Figure("wallets: transfers a second from one wallet to one wallet", rate, 30, "/s", note=note)
    yield _bearer_check(bench)


def _rounds(bench: Bench, measure_once: Callable[[], float]) -> tuple[float, str]:
    """Returns the median of a few rounds, and how they went."""
    rates = [measure_once() for _ in range(bench.size(ROUNDS, 1))]
    return median(rates), f"median of {len(rates)} rounds ({_listed(rates)})"


def audit(bench: Bench) -> Iterator[Figure]:
    """Measures the command `ops audit` on succeeded transfers, each with two entries."""
    wallets, transfers, rounds = bench.size(WALLETS, 10), bench.size(AUDITED, 50), bench.size(ROUNDS, 1)
    with bench.stack() as running:
        running.start(("mock_api",))
        store = open_store(running)
        people_ids = people(store, wallets)
        # Each person pays the next one as often as the previous one pays them: no balance changes.
        in_threads(
            lambda n: store_succeeded(store, people_ids[n % wallets], people_ids[(n + 1) % wallets]), range(transfers)
        )
        entries = sum(1 for _ in scan(store, JOURNAL, {}))
        store.close()
        seconds = [_audited_s(running, transfers + wallets) for _ in range(rounds)]
    note = f"median of {rounds} ({_listed(seconds)}); {entries:,} entries, including the start of the command"
    yield Figure(f"audit: {2 * transfers:,} journal entries", median(seconds), 10, "s", at_most=True, note=note)


def _settled_per_second(bench: Bench, wallets: int, transfers: int, pair: Pair) -> float:
    """Returns the rate of one worker. All transfers are accepted before it starts.

    wallets: how many.
    """
    with bench.stack() as running:
        store, chance = open_store(running), random.Random(wallets)
        people_ids = people(store, wallets)
        pairs = [pair(people_ids, chance) for _ in range(transfers)]
        in_threads(lambda pair: accept_transfer(store, *pair), pairs)
        running.start(("worker",))
        ends = sorted(operation.updated_at for operation in _drain(running, store, transfers))
        store.close()
    return len(ends) / (ends[-1] - ends[0]).total_seconds()


def _credited_per_second(bench: Bench, credits: int) -> float:
    """Returns how fast the ledger alone credits one wallet: no operation is read or saved."""
    with bench.stack() as running:
        store = open_store(running)
        seconds = credit_one(store, credits)
        if wrong := list(examine_ledger(store, DEFAULT.contracts)):
            raise InvalidMeasurement(f"the ledger is wrong: {wrong[:3]}")
        store.close()
    return credits / seconds


def _drain(running: Stack, store: Store, accepted: int) -> list[Operation]:
    """Waits until every transfer has ended, and returns them.

    Raises InvalidMeasurement unless all have succeeded and the ledger has no discrepancy.
    """
    found = ended(running, TRANSFER.kind)
    succeeded = sum(operation.status is Status.SUCCEEDED for operation in found)
    if not accepted == len(found) == succeeded:
        raise InvalidMeasurement(f"accepted {accepted}, stored {len(found)}, succeeded {succeeded}")
    if wrong := list(examine_ledger(store, DEFAULT.contracts)):
        raise InvalidMeasurement(f"the ledger is wrong: {wrong[:3]}")
    return found


def _bearer_check(bench: Bench) -> Figure:
    """Measures the extra time of a view with sign-in, which verifies the token and loads the person."""
    wallets, calls = bench.size(WALLETS, 10), bench.size(CALLS, 50)
    with bench.stack() as running:
        store = open_store(running)
        people_ids = people(store, wallets)
        settings = replace(read_settings(), var_dir=running.var_dir, secret_key="s" * 32, admin_token="a" * 32)
        app = create_app(Core(settings, CLOCK, store, embedded_broker(store, CLOCK, running.var_dir)))
        views = {"open": lambda: None, "guarded": signed_in(lambda: None)}
        times_ms: dict[str, list[float]] = {name: [] for name in views}
        for number in range(calls):
            token = app.extensions["tokens"].issue(people_ids[number % wallets])
            for name, view in views.items():
                with app.test_request_context(headers={"Authorization": f"Bearer {token}"}):
                    began = time.perf_counter()
                    view()
                    times_ms[name].append((time.perf_counter() - began) * 1000)
        store.close()
    took_ms = median(times_ms["guarded"]) - median(times_ms["open"])
    slow_ms = sorted(times_ms["guarded"])[int(0.99 * calls)]
    note = (
        f"median of {calls:,} calls by {wallets:,} people, compared with the same view for anyone; p99 {slow_ms:.2f} ms"
    )
    return Figure("wallets: bearer check", took_ms, 0.3, "ms", at_most=True, note=note)


def _audited_s(running: Stack, operations: int) -> float:
    """Returns how long the command takes, in seconds. Raises InvalidMeasurement unless it reads all and is clean.

    operations: how many it has to read.
    """
    command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{running.mock_api}/_truth"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=running.environment, capture_output=True, text=True)
    took_s = time.perf_counter() - began
    if done.returncode or json.loads(done.stdout)["accepted"] != operations:
        raise InvalidMeasurement(f"the audit is not clean: {done.stdout}{done.stderr}")
    return took_s


def _listed(rounds: list[float]) -> str:
    return ", ".join(f"{round:.3g}" for round in rounds)
