"""The command: a set-up under load and faults, then the account."""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pika
from rich.console import Console
from rich.table import Table

from core.broker.topic_log import TopicLog
from core.operation import TERMINAL
from core.store.port import OPERATIONS, scan
from core.store.sql import SqlStore
from ops.audit.effects import EFFECTS
from ops.chaos.clients import TOPIC, Clients
from ops.chaos.faults import WORKERS, Faults
from ops.chaos.proxy import FaultProxy
from ops.chaos.wallets import ADMIN_TOKEN, Wallets
from ops.rabbit import open_rabbit
from ops.stack import ROOT, Stack
from worker.engine import SEND_WITHIN_S
from worker.partners.http import CONNECT_TIMEOUT_S

CALL_S = 1.5
SETTLE_WINDOW_S = 8
SETTINGS = {
    "MOCK_LATENCY_MAX_S": "0.3",
    "MOCK_TIMEOUT_RATE": "0.05",
    "MOCK_LATE_MAX_S": "2",
    "PARTNER_TIMEOUT_S": str(CALL_S),
    "SETTLE_WINDOW_S": str(SETTLE_WINDOW_S),
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "LOG_LEVEL": "WARNING",
}
PARTNERS = {
    "OPERATOR_URL": "operator",
    "REGISTRY_URL": "registry",
    "FINANCE_URL": "finance",
    "SCREENING_URL": "screening",
    "SCREENING_URL2": "blacklist",
}
PER_SECOND = 20
DRAIN_S = 180


@click.command()
@click.option("--broker", default="embedded", type=click.Choice(["embedded", "rabbitmq"]), help="The set-up.")
@click.option("--seconds", default=60.0, help="How long faults go on; then everything has to come to its end.")
@click.option("--seed", default=1, help="Of what is done to whom, and when.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for state and logs, which then stay.")
def chaos(broker: str, seconds: float, seed: int, keep: Path | None) -> None:
    """Kill, stop, cut off and lock out real processes under load. Exits 1 unless every payment is settled once."""
    console = Console()
    with ExitStack() as exits:
        folder = keep or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="quittance-chaos-")))
        rabbit = exits.enter_context(open_rabbit()) if broker == "rabbitmq" else None
        stack = exits.enter_context(Stack(folder, {**SETTINGS, **({"BROKER_URL": rabbit.url} if rabbit else {})}))
        proxy = exits.enter_context(FaultProxy(stack.mock_port))
        for setting, partner in PARTNERS.items():
            stack.environment[setting] = f"http://127.0.0.1:{proxy.port}/{partner}"
        stack.start(["mock_api", "api"])
        for name in WORKERS:
            stack.start(["worker"], name.removeprefix("worker"))
        wallets = Wallets(stack)
        began = time.monotonic()
        faults = Faults(
            stack=stack,
            proxy=proxy,
            rabbit=rabbit,
            chance=random.Random(seed),
            lease_s=SEND_WITHIN_S + CONNECT_TIMEOUT_S + CALL_S,
            settle_window_s=SETTLE_WINDOW_S,
            tell=lambda what: console.print(f"{time.monotonic() - began:6.1f} s  {what}", highlight=False),
        )
        clients = Clients(stack, wallets, PER_SECOND, random.Random(seed))
        over = threading.Event()
        supervisor = threading.Thread(target=faults.supervise, args=(over,))
        supervisor.start()
        clients.start()
        _break(faults, seconds)
        clients.stop()
        statuses, unfinished = _drain(stack, clients.accepted)
        over.set()
        supervisor.join()
        audit = _audit(stack)
        consumed = _consume(rabbit.url) if rabbit else {line["message_id"] for line in TopicLog(folder).read("#")}
    missing = [f"event {uid} has reached no consumer" for uid in clients.events - consumed]
    wrong = missing + faults.unhealed + clients.errors + unfinished + audit["examples"]
    console.print(_table(broker, faults.happened, clients, statuses, audit))
    console.print(*wrong[:20], sep="\n", highlight=False)
    raise SystemExit(1 if wrong else 0)


def _break(faults: Faults, seconds: float) -> None:
    """Has faults of both sorts happen at once, one after the other in each."""
    over = time.monotonic() + seconds

    def lane(kinds: list[Callable[[], None]], chance: random.Random) -> None:
        turns: list[Callable[[], None]] = []
        while time.monotonic() < over:
            turns = turns or chance.sample(kinds, len(kinds))  # each of them in its turn, whatever the seed
            faults.heal(turns.pop())
            time.sleep(chance.uniform(0.2, 2))

    lanes = [
        threading.Thread(target=lane, args=(kinds, random.Random(faults.chance.random())))
        for kinds in (faults.of_processes(), faults.of_surroundings())
    ]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()


def _drain(stack: Stack, accepted: set[str]) -> tuple[Counter[str], list[str]]:
    """Waits until every accepted operation has ended; their statuses, and which have not."""
    store = SqlStore(f"sqlite:///{stack.var_dir / 'quittance.sqlite'}")
    deadline = time.monotonic() + DRAIN_S
    while True:
        found = {
            operation["id"]: operation["status"]
            for kind in EFFECTS
            for operation in scan(store, OPERATIONS, {"kind": kind})
        }
        wrong = [f"{id} was accepted and is not stored" for id in accepted - set(found)]
        wrong += [f"{id} is {status}" for id, status in found.items() if status not in TERMINAL]
        if not wrong or time.monotonic() > deadline:
            store.close()
            return Counter(found.values()), wrong
        time.sleep(0.5)


def _consume(url: str) -> set[object]:
    """The message ids that a plain consumer finds in the queue of the clients' topic."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        found: set[object] = set()
        while (taken := channel.basic_get(TOPIC, auto_ack=True))[1] is not None:
            found.add(taken[1].message_id)
        return found


def _audit(stack: Stack) -> dict[str, Any]:
    command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{stack.mock_api}/_truth"]
    done = subprocess.run(command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=300)
    if not done.stdout:
        return {"effects": {}, "discrepancies": {}, "examples": [f"the audit failed: {done.stderr}"]}
    audit: dict[str, Any] = json.loads(done.stdout)
    return audit


def _table(broker: str, faults: Counter[str], clients: Clients, statuses: Counter[str], audit: dict[str, Any]) -> Table:
    table = Table(title=f"Chaos, {broker}", title_justify="left", show_header=False)
    for fault, number in sorted(faults.items()):
        table.add_row(fault, str(number))
    table.add_section()
    table.add_row("accepted", str(len(clients.accepted)))
    table.add_row("of these, top-ups", str(len(clients.wallets.top_ups)))
    table.add_row("of these, from wallets", str(len(clients.moved)))
    table.add_row("requests sent again", str(clients.repeats))
    for name, number in sorted(Counter(statuses).items()):
        table.add_row(name, str(number))
    for effect, number in audit["effects"].items():
        table.add_row(f"{effect}s", str(number))
    table.add_row("discrepancies", str(sum(audit["discrepancies"].values())))
    return table
