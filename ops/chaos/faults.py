"""What goes wrong with real processes. Each fault is bounded, and has healed when it returns."""

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

from ops.chaos.proxy import FaultProxy
from ops.rabbit import Rabbit, wait_for_amqp
from ops.stack import NotReady, Stack

WORKERS = ("worker-1", "worker-2")
SUPERVISED_EVERY_S = 0.5
STARTS = 5
"""How often a process that does not come up is started again, as whoever supervises it would."""


@dataclass
class Faults:
    """lease_s: how long a worker holds an operation; a worker is stopped for longer than that.

    settle_window_s: a black hole ends within it, as what it swallowed still arrives.
    """

    stack: Stack
    proxy: FaultProxy
    rabbit: Rabbit | None
    chance: random.Random
    lease_s: float
    settle_window_s: float
    tell: Callable[[str], None]
    happened: Counter[str] = field(default_factory=Counter)
    unhealed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starting = threading.Lock()

    def of_processes(self) -> list[Callable[[], None]]:
        return [self.kill_worker, self.kill_api, self.kill_sandbox, self.pause_worker]

    def of_surroundings(self) -> list[Callable[[], None]]:
        always = [self.lock_the_store, self.swallow_calls, self.cut_calls]
        return always + (
            [self.stop_broker, self.kill_broker, self.close_connections, self.purge] if self.rabbit else []
        )

    def kill_worker(self) -> None:
        name = self.chance.choice(WORKERS)
        self._say("worker killed", name)
        self._kill(name)

    def kill_api(self) -> None:
        self._say("api killed")
        self._kill("api")

    def kill_sandbox(self) -> None:
        self._say("sandbox killed")
        self._kill("mock_api")

    def pause_worker(self) -> None:
        name, seconds = self.chance.choice(WORKERS), self.lease_s * self.chance.uniform(1.1, 1.5)
        self._say("worker paused", f"{name} for {seconds:.1f} s")
        pid = self.stack.processes[name].pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def lock_the_store(self) -> None:
        seconds = self.chance.uniform(1, 6)
        self._say("store locked", f"for {seconds:.1f} s")
        with closing(
            sqlite3.connect(self.stack.var_dir / "quittance.sqlite", timeout=30, isolation_level=None)
        ) as file:
            file.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            file.execute("ROLLBACK")

    def swallow_calls(self) -> None:
        seconds = self.settle_window_s * self.chance.uniform(0.2, 0.6)
        self._say("partners a black hole", f"for {seconds:.1f} s")
        self.proxy.swallow()
        time.sleep(seconds)
        self.proxy.heal()

    def cut_calls(self) -> None:
        self._say("partners' connections reset")
        self.proxy.cut()

    def stop_broker(self) -> None:
        seconds = self.chance.uniform(2, 8)
        self._say("broker stopped", f"for {seconds:.1f} s")
        rabbit = self._rabbit()
        rabbit.ctl("stop_app")
        time.sleep(seconds)
        rabbit.ctl("start_app")
        wait_for_amqp(rabbit.url)

    def kill_broker(self) -> None:
        self._say("broker killed")
        rabbit = self._rabbit()
        rabbit.kill()
        rabbit.start()

    def close_connections(self) -> None:
        self._say("broker's connections closed")
        self._rabbit().ctl("close_all_connections", "chaos")

    def purge(self) -> None:
        self._say("broker's queues purged")
        rabbit = self._rabbit()
        for queue in rabbit.ctl("list_queues", "name", "--no-table-headers").split():
            if queue.startswith("quittance."):  # the others' hold events, which nobody may purge
                rabbit.ctl("purge_queue", queue)

    def supervise(self, over: threading.Event) -> None:
        """Starts again what ends by itself, as whoever supervises the processes would."""
        while not over.wait(SUPERVISED_EVERY_S):
            with self._starting:
                for name, process in list(self.stack.processes.items()):
                    if process.poll() is not None:
                        self._say("ended by itself", f"{name}, exit {process.returncode}")
                        self.heal(partial(self._start, name))

    def heal(self, fault: Callable[[], None]) -> None:
        """Lets a fault happen, and notes what it leaves broken."""
        try:
            fault()
        except (NotReady, OSError, sqlite3.Error, subprocess.SubprocessError) as error:
            self.unhealed.append(f"not healed: {error!r}")

    def _kill(self, name: str) -> None:
        with self._starting:
            self.stack.stop([name], by=signal.SIGKILL)
            self._start(name)

    def _start(self, name: str) -> None:
        base, dash, label = name.partition("-")
        for _ in range(STARTS):
            with suppress(NotReady):
                return self.stack.start([base], dash + label)
        raise NotReady(f"{name} did not come up in {STARTS} starts:\n{self.stack.log(name)[-2000:]}")

    def _rabbit(self) -> Rabbit:
        assert self.rabbit is not None
        return self.rabbit

    def _say(self, fault: str, how: str = "") -> None:
        self.happened[fault] += 1
        self.tell(f"{fault} {how}".strip())
