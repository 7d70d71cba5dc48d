"""`python -m worker`: takes accepted operations to their end."""

import os
import random
import signal
import sys
import time
from functools import partial
from threading import Event

import click
import structlog
from prometheus_client import start_http_server

from core.bootstrap import Core, bootstrap
from core.broker.embedded import Poller
from core.errors import StoreUnavailable
from core.log import configure
from core.settings import BadSettings, Settings, read_settings, worker_name
from worker.decide import Policy
from worker.engine import SEND_WITHIN_S, Engine
from worker.partners.http import CONNECT_TIMEOUT_S
from worker.processes.sms import announce
from worker.products import build
from worker.sweeper import Sweeper

GRACE_S = 20
"""How long a stop waits for partner calls in flight. Of what is cut off then, another worker enquires."""

log = structlog.get_logger()


@click.command()
@click.option("--kinds", default="", help="Work on these kinds of operations only: a list with commas. Default: all.")
def main(kinds: str) -> None:
    """Take accepted operations to their end, until SIGTERM or Ctrl-C."""
    try:
        settings = read_settings()
        configure("worker", settings.log_level)
        core = bootstrap(settings)
    except (BadSettings, StoreUnavailable) as error:
        sys.exit(f"worker: {error}")
    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    run(core, settings, [kind for kind in kinds.split(",") if kind], stop)


def run(core: Core, settings: Settings, kinds: list[str], stop: Event) -> None:
    """Works until `stop` is set, then finishes or hands back what is in flight. Exits 1 for an unknown kind."""
    processes = build(settings, core.store, core.clock, core.broker)
    if unknown := set(kinds) - set(processes):
        sys.exit(f"worker: no such kind: {', '.join(sorted(unknown))}. There are: {', '.join(processes)}.")
    chosen = kinds or list(processes)
    engine = Engine(
        store=core.store,
        clock=core.clock,
        processes=processes,
        policy=Policy(settle_window_s=SEND_WITHIN_S + settings.settle_window_s),
        worker=worker_name(),
        call_s=CONNECT_TIMEOUT_S + settings.partner_timeout_s,
        jitter=random.random,
        rung=core.broker.delivery_s > 0,
        stopping=stop.is_set,
        ending=partial(announce, core.store, core.broker, core.clock),
    )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.api_host)
    subscription = core.broker.consume(chosen, engine.advance, settings.worker_concurrency)
    fallback = Poller(core.store, core.clock, chosen, engine.advance, settings.worker_concurrency)
    sweeper = Sweeper(core.store, core.broker, core.clock, chosen, subscription, fallback)
    if core.broker.delivery_s:  # else nothing is ever sent, and what consumes asks the store by itself
        sweeper.start()
    log.info("working", kinds=chosen, concurrency=settings.worker_concurrency)
    stop.wait()
    give_up_at = time.monotonic() + GRACE_S
    ended = subscription.stop(GRACE_S)
    if core.broker.delivery_s:
        ended &= sweeper.stop(max(0, give_up_at - time.monotonic()))
    core.close()
    log.info("stopped", all_ended=ended)
    if not ended:
        # Threads in a partner's call would keep the process; their operations are safe behind their intents.
        os._exit(0)


if __name__ == "__main__":
    main()
