"""The command `chaos`: runs a set-up under load and faults, then audits it."""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click
import pika
from rich.console import Console

from core.bootstrap import event_queue
from core.broker.topic_log import TopicLog
from devtools.as_json import json_option, print_json
from devtools.servers import ServerMissing
from devtools.setups import Setup, open_setup, setup_options
from devtools.stack import ROOT, Stack
from proof.chaos.clients import TOPIC, Clients
from proof.chaos.faults import WORKERS, Faults
from proof.chaos.operators import operator_settings
from proof.chaos.outcome import drain
from proof.chaos.payers import Payers
from proof.chaos.plan import draw, plan
from proof.chaos.proxy import FaultProxy
from proof.chaos.report import run_as_json, run_as_table
from proof.chaos.wallets import ADMIN_TOKEN, Wallets
from worker.partners.http import CONNECT_TIMEOUT_S
from worker.policy import SEND_WITHIN_S

CALL_S = 1.5
SETTLE_WINDOW_S = 8
SETTINGS = {
    "MOCK_LATENCY_MAX_S": "0.3",
    "MOCK_TIMEOUT_RATE": "0.05",
    "MOCK_LATE_MAX_S": "2",
    "PARTNER_TIMEOUT_S": str(CALL_S),
    "SETTLE_WINDOW_S": str(SETTLE_WINDOW_S),
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "SECRET_KEY": "chaos-signs-with-this-secret-and-with-no-other",
    "PIN_PEPPER": "chaos-mixes-this-pepper-into-its-pins-and-no-other",
    "LOG_LEVEL": "WARNING",
    "RATE_LIMITS": "off",
}
PARTNERS = {
    "REGISTRY_URL": "registry",
    "FINANCE_URL": "finance",
    "SCREENING_URL": "screening",
    "BLACKLIST_URL": "blacklist",
}
PER_SECOND = 20
CALLBACK_FAULTS = 0.1
"""The share of callbacks that are lost, late, doubled or wrong."""


@click.command()
@setup_options
@click.option(
    "--seconds",
    default=60.0,
    help="How long faults go on, at least until each has happened. Then every payment must end.",
)
@click.option("--seed", default=1, help="The same seed gives the same faults in the same order.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep state and logs in this folder.")
@json_option
def chaos(store: str, broker: str, seconds: float, seed: int, keep: Path | None, as_json: bool) -> None:
    """Kill and cut off real processes under load, with an operator of every dialect.

    Exits 1 unless every payment is settled once. A payment is in doubt, and not wrong, when the answer to a call was
    lost that its operator cannot be asked about.
    """
    console = Console(stderr=as_json)
    with ExitStack() as exits:
        folder = keep or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="quittance-chaos-")))
        setup = exits.enter_context(_open_setup(store, broker))
        stack = exits.enter_context(setup.stack(folder, SETTINGS))
        proxy = exits.enter_context(FaultProxy(stack.mock_port))
        for setting, partner in PARTNERS.items():
            stack.environment[setting] = f"http://127.0.0.1:{proxy.port}/{partner}"
        stack.environment |= operator_settings(f"http://127.0.0.1:{proxy.port}", stack.api, CALLBACK_FAULTS)
        stack.start(["mock_api", "api"])
        for name in WORKERS:
            stack.start(["worker"], name.removeprefix("worker"))
        payers, wallets = exits.enter_context(Payers()), Wallets(stack)
        began = time.monotonic()
        faults = Faults(
            stack=stack,
            proxy=proxy,
            store=setup.store,
            rabbit=setup.rabbit,
            chance=random.Random(seed),
            lease_s=SEND_WITHIN_S + CONNECT_TIMEOUT_S + CALL_S,
            settle_window_s=SETTLE_WINDOW_S,
            report=lambda what: console.print(f"{time.monotonic() - began:6.1f} s  {what}", highlight=False),
        )
        clients = Clients(stack, wallets, payers, PER_SECOND, random.Random(seed))
        over = threading.Event()
        supervisor = threading.Thread(target=faults.supervise, args=(over,))
        supervisor.start()
        clients.start()
        _break(faults, seed, seconds)
        clients.stop()
        with closing(stack.open_store()) as operations:
            outcome = drain(operations, clients.accepted)
        over.set()
        supervisor.join()
        audit = _audit(stack)
        consumed = _consume(setup.rabbit.url) if setup.rabbit else _logged(folder)
    missing = [f"event {uid} has reached no consumer" for uid in clients.events - consumed]
    wrong = missing + faults.unhealed + clients.errors + outcome.unfinished + outcome.failed + audit["examples"]
    if as_json:
        print_json(run_as_json(setup.name, faults.happened, clients, outcome, audit, wrong))
    else:
        console.print(run_as_table(setup.name, faults.happened, clients, outcome, audit))
        console.print(*wrong[:20], sep="\n", highlight=False)
    raise SystemExit(1 if wrong else 0)


@contextmanager
def _open_setup(store: str, broker: str) -> Iterator[Setup]:
    """Yields the set-up. Raises ClickException for a server that is missing."""
    try:
        with open_setup(store, broker) as setup:
            yield setup
    except ServerMissing as missing:
        raise click.ClickException(str(missing)) from None


def _break(faults: Faults, seed: int, seconds: float) -> None:
    """Runs two lanes of faults at once, one for each sort: first every fault once, then faults drawn by chance."""
    sorts = {"processes": faults.of_processes(), "surroundings": faults.of_surroundings()}
    plans = {sort: plan(f"{seed} {sort}", kinds, seconds) for sort, kinds in sorts.items()}
    lasts_s = max(planned.lasts_s for planned in plans.values())
    if lasts_s > seconds:
        faults.report(f"{seconds:g} s is too short for each fault to happen once: extended to {lasts_s:g} s")
    began = time.monotonic()

    def lane(sort: str) -> None:
        for at_s, fault in plans[sort].turns:
            time.sleep(max(0, began + at_s - time.monotonic()))
            faults.heal(fault)
        for pause_s, fault in draw(f"{seed} {sort}", sorts[sort]):
            time.sleep(pause_s)
            if time.monotonic() > began + lasts_s:
                return
            faults.heal(fault)

    lanes = [threading.Thread(target=lane, args=(sort,)) for sort in sorts]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()


def _consume(url: str) -> set[object]:
    """Returns the message ids that a plain consumer gets from the queue of the clients' topic."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel, queue = connection.channel(), event_queue(tuple(TOPIC.split("/")))
        found: set[object] = set()
        while (message := channel.basic_get(queue, auto_ack=True))[1] is not None:
            found.add(message[1].message_id)
        return found


def _logged(folder: Path) -> set[object]:
    """Returns the message ids in the log of the embedded broker."""
    return {line["message_id"] for line in TopicLog(folder).read("#")}


def _audit(stack: Stack) -> dict[str, Any]:
    command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{stack.mock_api}/_truth"]
    done = subprocess.run(command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=300)
    if not done.stdout:
        return {"effects": {}, "discrepancies": {}, "examples": [f"the audit failed: {done.stderr}"]}
    audit: dict[str, Any] = json.loads(done.stdout)
    return audit
