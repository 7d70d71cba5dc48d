"""`python -m worker`: processes accepted operations until they end."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from threading import Event
from types import FrameType

import click
import structlog
from prometheus_client import REGISTRY, start_http_server

from core.bootstrap import PATIENCE_S, Core, bootstrap
from core.broker.poller import Poller
from core.buckets import Share
from core.errors import StoreUnavailable
from core.installed import BadProduct
from core.log import configure
from core.metrics import STORE_ERRORS
from core.settings import BadSettings, Settings, read_settings, worker_name
from worker.doubts import Doubts
from worker.engine import Engine
from worker.partners.http import CONNECT_TIMEOUT_S
from worker.partners.operators.client import PREPARE_WITHIN_S
from worker.policy import SEND_WITHIN_S, Policy
from worker.process import Processes
from worker.products import build
from worker.purge import Purge
from worker.sweeper import Sweeper

GRACE_S = 20
"""How long a stop waits for partner calls in flight. Another worker enquires about the calls that are cut off."""

log = structlog.get_logger()


class Stop(Event):
    """An event that is set by the signals that end a worker.

    by: the signal that was received.
    """

    by: signal.Signals | None = None

    def listen(self) -> None:
        """Installs the signal handlers; call it in the main thread. SIGHUP stays ignored under nohup."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, _: FrameType | None) -> None:
        self.by = signal.Signals(number)
        self.set()


@click.command()
@click.option("--kinds", default="", help="Work only on these kinds of operations, separated by commas. Default: all.")
def main(kinds: str) -> None:
    """Process accepted operations until SIGTERM, Ctrl-C or SIGHUP (the terminal closes)."""
    try:
        settings = read_settings()
        configure("worker", settings.log_level)
        core = bootstrap(settings, PATIENCE_S)
    except (BadSettings, StoreUnavailable) as error:
        sys.exit(f"worker: {error}")
    stop = Stop()
    stop.listen()
    run(core, settings, [kind for kind in kinds.split(",") if kind], stop)


def run(core: Core, settings: Settings, kinds: list[str], stop: Stop) -> None:
    """Works until `stop` is set, then finishes or hands back what is in flight.

    Exits 1 for an unknown kind, for a product that cannot be installed, and for a secret that is missing.
    """
    try:
        processes = build(core)
    except BadProduct as error:
        sys.exit(f"worker: PRODUCTS: {error}")
    except BadSettings as error:
        sys.exit(f"worker: {error}")
    if unknown := set(kinds) - set(processes):
        sys.exit(f"worker: no such kind: {', '.join(sorted(unknown))}. Known kinds: {', '.join(processes)}.")
    chosen = kinds or list(processes)
    engine = Engine(
        store=core.store,
        clock=core.clock,
        processes=processes,
        policy=Policy(settle_window_s=SEND_WITHIN_S + settings.settle_window_s),
        worker=worker_name(),
        call_s=longest_call_s(settings, processes),
        jitter=random.random,
        exclusive_delivery=core.broker.delivery_s > 0,
        stopping=stop.is_set,
        announce=core.announcements.changed,
        tracing=core.tracing,
    )
    STORE_ERRORS.labels("worker")  # a 0 from the start: what is not there cannot be seen to rise
    if settings.metrics_port:
        REGISTRY.register(Doubts(core.store, processes))
        start_http_server(settings.metrics_port, settings.api_host)
    advance = partial(counted, engine.advance)
    subscription = core.broker.consume(chosen, advance, settings.worker_concurrency)
    share = Share(core.store, core.clock, chosen)
    fallback = Poller(core.store, core.clock, chosen, advance, settings.worker_concurrency, share=share)
    sweeper = Sweeper(core.store, core.broker, core.clock, chosen, subscription, fallback, share)
    if core.broker.delivery_s:  # else the broker sends no rings: its consumer polls the store itself
        sweeper.start()
    purge = Purge(core.store, core.clock, settings.installed.collections.values())
    purge.start()
    log.info("working", kinds=chosen, concurrency=settings.worker_concurrency)
    stop.wait()
    if stop.by == signal.SIGHUP:
        log.warning("stopping: the terminal has closed (start with nohup to keep running)", signal="SIGHUP")
    give_up_at = time.monotonic() + GRACE_S
    ended = subscription.stop(GRACE_S)
    if core.broker.delivery_s:
        ended &= sweeper.stop(max(0, give_up_at - time.monotonic()))
    purge.stop()
    core.close()
    log.info("stopped", all_ended=ended)
    if not ended:
        # Threads in partner calls would keep the process alive. Their intents are saved, so exiting loses nothing.
        os._exit(0)


def counted(advance: Callable[[str], None], id: str) -> None:
    """Advances an operation. Counts it if the store fails it."""
    try:
        advance(id)
    except StoreUnavailable:
        STORE_ERRORS.labels("worker").inc()
        raise


def longest_call_s(settings: Settings, processes: Processes) -> float:
    """The longest that a call of any of these processes takes, in seconds: leases are longer."""
    timeouts_s = (settings.partner_timeout_s, *(operator.timeout_s for operator in settings.operators.operators))
    own_s = (process.call_s for process in processes.values())
    return max(PREPARE_WITHIN_S + CONNECT_TIMEOUT_S + max(timeouts_s), *own_s)


if __name__ == "__main__":
    main()
