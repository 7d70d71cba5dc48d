"""The faults of real processes. Each fault is bounded, and is healed when its method returns."""

import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial

import pika
from pika.exceptions import AMQPError, ConnectionClosedByBroker

from devtools.rabbit import Rabbit, wait_for_amqp
from devtools.servers import ServerMissing
from devtools.stack import NotReady, Stack
from devtools.stores import StoreServer
from proof.chaos.proxy import FaultProxy

WORKERS = ("worker-1", "worker-2")
SUPERVISED_EVERY_S = 0.5
MAX_STARTS = 5
"""How often a process that does not become ready is started again, as a supervisor would."""
INTERNAL_ERROR = 541
"""The reply code of AMQP 0-9-1 for a fault of the server's own."""
HEALING_FAILED = (NotReady, ServerMissing, OSError, sqlite3.Error, subprocess.SubprocessError, AMQPError)


@dataclass
class Faults:
    """Makes faults happen in a running stack.

    store: the server of the store; None for a SQLite file.
    rabbit: the broker; None for the embedded one.
    lease_s: how long a worker holds an operation, in seconds; a worker is paused for longer.
    settle_window_s: a black hole ends within it, because the swallowed bytes still arrive.
    report: called with a line of text for each fault.
    happened: how often each fault has happened.
    unhealed: the faults that left something broken.
    """

    stack: Stack
    proxy: FaultProxy
    store: StoreServer | None
    rabbit: Rabbit | None
    chance: random.Random
    lease_s: float
    settle_window_s: float
    report: Callable[[str], None]
    happened: Counter[str] = field(default_factory=Counter)
    unhealed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starting = threading.Lock()

    def of_processes(self) -> list[Callable[[], None]]:
        return [self.kill_worker, self.kill_api, self.kill_sandbox, self.pause_worker]

    def of_surroundings(self) -> list[Callable[[], None]]:
        """The partners' faults, and those of each server that was started here."""
        faults = [self.swallow_calls, self.cut_calls]
        if self.store is None:
            faults.append(self.lock_the_store)
        elif self.store.controllable:
            faults += [self.pause_store, self.kill_store] if self.store.durable else [self.pause_store]
        if self.rabbit and self.rabbit.controllable:
            faults += [self.stop_broker, self.kill_broker, self.close_connections, self.purge]
        return faults

    def kill_worker(self) -> None:
        name = self.chance.choice(WORKERS)
        self._note("worker killed", name)
        self._kill(name)

    def kill_api(self) -> None:
        self._note("api killed")
        self._kill("api")

    def kill_sandbox(self) -> None:
        self._note("sandbox killed")
        self._kill("mock_api")

    def pause_worker(self) -> None:
        name, seconds = self.chance.choice(WORKERS), self.lease_s * self.chance.uniform(1.1, 1.5)
        self._note("worker paused", f"{name} for {seconds:.1f} s")
        pid = self.stack.processes[name].pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def lock_the_store(self) -> None:
        seconds = self.chance.uniform(1, 6)
        self._note("store locked", f"for {seconds:.1f} s")
        with closing(
            sqlite3.connect(self.stack.var_dir / "quittance.sqlite", timeout=30, isolation_level=None)
        ) as file:
            file.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            file.execute("ROLLBACK")

    def pause_store(self) -> None:
        seconds = self.chance.uniform(1, 6)
        self._note("store paused", f"for {seconds:.1f} s")
        store = self._server()
        store.pause()
        time.sleep(seconds)
        store.resume()

    def kill_store(self) -> None:
        self._note("store killed")
        store = self._server()
        store.kill()
        store.start()

    def swallow_calls(self) -> None:
        seconds = self.settle_window_s * self.chance.uniform(0.2, 0.6)
        self._note("partners a black hole", f"for {seconds:.1f} s")
        self.proxy.swallow()
        time.sleep(seconds)
        self.proxy.heal()

    def cut_calls(self) -> None:
        self._note("partners' connections reset")
        self.proxy.cut()

    def stop_broker(self) -> None:
        seconds = self.chance.uniform(2, 8)
        self._note("broker stopped", f"for {seconds:.1f} s")
        rabbit = self._rabbit()
        rabbit.ctl("stop_app")
        time.sleep(seconds)
        rabbit.ctl("start_app")
        wait_for_amqp(rabbit.url)

    def kill_broker(self) -> None:
        self._note("broker killed")
        rabbit = self._rabbit()
        rabbit.kill()
        rabbit.start()

    def close_connections(self) -> None:
        self._note("broker's connections closed")
        self._rabbit().ctl("close_all_connections", "chaos")

    def purge(self) -> None:
        self._note("broker's queues purged")
        rabbit = self._rabbit()
        for queue in rabbit.ctl("list_queues", "name", "--no-table-headers").split():
            if queue.startswith("quittance."):  # all other queues hold events, which must not be lost
                _purge(rabbit.url, queue)

    def supervise(self, over: threading.Event) -> None:
        """Restarts processes that end by themselves, as a supervisor would. Returns when `over` is set."""
        while not over.wait(SUPERVISED_EVERY_S):
            with self._starting:
                for name, process in list(self.stack.processes.items()):
                    if process.poll() is not None:
                        self._note("ended by itself", f"{name}, exit {process.returncode}")
                        self.heal(partial(self._start, name))

    def heal(self, fault: Callable[[], None]) -> None:
        """Runs a fault, and records it if it leaves something broken."""
        try:
            fault()
        except HEALING_FAILED as error:
            self.unhealed.append(f"not healed: {error!r}")

    def _kill(self, name: str) -> None:
        with self._starting:
            self.stack.stop([name], by=signal.SIGKILL)
            self._start(name)

    def _start(self, name: str) -> None:
        base, dash, label = name.partition("-")
        for _ in range(MAX_STARTS):
            with suppress(NotReady):
                return self.stack.start([base], dash + label)
        raise NotReady(f"{name} was not ready after {MAX_STARTS} starts:\n{self.stack.log(name)[-2000:]}")

    def _server(self) -> StoreServer:
        assert self.store is not None
        return self.store

    def _rabbit(self) -> Rabbit:
        assert self.rabbit is not None
        return self.rabbit

    def _note(self, fault: str, how: str = "") -> None:
        self.happened[fault] += 1
        self.report(f"{fault} {how}".strip())


def _purge(url: str, queue: str) -> None:
    try:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            connection.channel().queue_purge(queue)
    except ConnectionClosedByBroker as error:
        # RabbitMQ 3.10 breaks a queue for good when it is killed while it makes the queue. Such a queue gives no rings.
        if error.reply_code != INTERNAL_ERROR:
            raise
