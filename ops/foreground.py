"""Runs the processes of a Procfile until Ctrl-C, SIGTERM, the end of one of them, or the end of the terminal."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Queue
from pathlib import Path
from types import FrameType
from typing import Any

from honcho.environ import expand_processes, parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Process

HANGUP_CODE = 128 + signal.SIGHUP


def run_procfile(procfile: Path, folder: Path, environment: Mapping[str, str]) -> int:
    """Starts the processes and returns once all have ended.

    folder: where they run.
    environment: variables that differ from this process's own.
    Returns the exit code: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, else that of the first process that
    ended.
    """
    terminal = Terminal()
    manager = Services(TerminalPrinter(terminal))
    for each in expand_processes(parse_procfile(procfile.read_text()).processes):
        manager.add_process(each.name, each.cmd, env={**os.environ, **environment, **each.env}, cwd=str(folder))
    terminal.watch()
    manager.loop()
    return HANGUP_CODE if terminal.closed else int(manager.returncode or 0)


class Terminal:
    """The terminal that shows the output. When it closes, this process gets SIGTERM, and prints nothing more."""

    def __init__(self) -> None:
        self.closed = False
        self._process = os.getpid()
        self._ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # started with nohup
        self._outputs = [output for output in (1, 2) if os.isatty(output)]

    def watch(self) -> None:
        """Treats SIGHUP as SIGTERM from now on."""
        if not self._ignores_hangup:
            signal.signal(signal.SIGHUP, self._hang_up)

    def lost(self) -> None:
        """Called when the output cannot be written."""
        self._silence({1})
        if not self._ignores_hangup:
            self._hang_up()

    def _hang_up(self, signum: int = signal.SIGHUP, frame: FrameType | None = None) -> None:
        self.closed = True
        self._silence(set(self._outputs))
        os.kill(self._process, signal.SIGTERM)

    def _silence(self, outputs: set[int]) -> None:
        """Sends output to /dev/null: a write to a closed terminal is an error that would stop the manager."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for output in outputs:
            os.dup2(nowhere, output)
        os.close(nowhere)


class TerminalPrinter(Printer):
    """Survives the end of its terminal."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(sys.stdout)
        self._terminal = terminal

    def write(self, message: Message) -> None:
        try:
            super().write(message)
        except OSError:
            self._terminal.lost()


class Service(Process):
    """Goes on when the terminal closes: the manager stops it in good order.

    The handler does nothing, but it is not SIG_IGN: the program that is started must not inherit that.
    """

    def run(self, events: "Queue[Any] | None" = None, ignore_signals: bool = False) -> None:
        signal.signal(signal.SIGHUP, _ignore)
        super().run(events, ignore_signals)


class Services(Manager):
    """A manager whose processes outlive the terminal until it stops them."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self._process_ctor = Service

    def terminate(self) -> None:
        """Stops all processes, once all have started: before that, their process ids are not known."""
        if self._all_started():
            super().terminate()
        else:
            with suppress(RuntimeError):  # the interpreter is going down
                threading.Timer(0.1, self.terminate).start()


def _ignore(signum: int, frame: FrameType | None) -> None: ...
