"""The Procfile's processes in the background of a shell that ends: they go on, or say why they end."""

import os
import pty
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from devtools.stack import ROOT, Stack, commands
from tests.e2e.kit import FAST, Payments

SLOW_S = 2.0
"""How long a debit takes: longer than a sandbox goes on answering once it has decided to end."""
WITHIN_S = 30

Shell = Callable[[list[str], dict[str, str]], AbstractContextManager[None]]


@contextmanager
def without_terminal(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A shell that ends with the block."""
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.PIPE) as shell:
        yield
        shell.communicate(b"\n")


@contextmanager
def in_terminal(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A shell that ends with the block, and its terminal with it. The kernel then sends SIGHUP to the foreground."""
    shell, screen = pty.fork()
    if not shell:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        os.chdir(ROOT)
        os.execvpe(command[0], command, environment)
    try:
        yield
    finally:
        os.write(screen, b"\n")
        os.waitpid(shell, 0)
        os.close(screen)


@pytest.fixture
def payments(tmp_path: Path) -> Iterator[Payments]:
    """A stack of which nothing is started. What the test starts is killed after it."""
    with Stack(tmp_path, {**FAST, "PARTNER_TIMEOUT_S": "10", "SETTLE_WINDOW_S": "12"}) as stack:
        yield Payments(stack)
        for file in tmp_path.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)


def script(folder: Path, start: str) -> str:
    """What the shell does: it starts all in the background, and ends when a line comes in.

    start: how one is started; {command} is its command, {log} a file for what it prints.
    """
    lines = [
        f"{start.format(command=shlex.join(command), log=folder / f'{name}.log')} & echo $! >{folder / name}.pid"
        for name, command in commands().items()
    ]
    return "\n".join([*lines, "read line"])


def wait_until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, f"not within {WITHIN_S} s"
        time.sleep(0.05)


def says(stack: Stack, name: str, words: str) -> Callable[[], bool]:
    return lambda: words in stack.log(name)


@pytest.mark.parametrize(
    ("shell", "program", "start"),
    [
        pytest.param(without_terminal, "sh -c", "{command} >{log} 2>&1", id="script"),
        pytest.param(in_terminal, "bash --norc -ic", "{command} >{log} 2>&1", id="job control"),
        pytest.param(in_terminal, "sh -c", "setsid {command} >{log} 2>&1", id="setsid"),
        pytest.param(in_terminal, "sh -c", "nohup {command} >{log} 2>&1", id="nohup"),
        pytest.param(in_terminal, "sh -c", "(trap '' HUP; exec {command})", id="output to a terminal that is gone"),
    ],
)
def test_they_go_on_when_the_shell_that_started_them_ends(
    payments: Payments, shell: Shell, program: str, start: str
) -> None:
    stack = payments.stack
    with shell([*program.split(), script(stack.var_dir, start)], stack.environment):
        stack.wait_ready()
    payments.script({"call": "debit", "answer": "ok", "latency_s": SLOW_S})
    assert payments.pay("+2250707000011")["status"] == "succeeded"


def test_a_terminal_that_closes_ends_sandbox_and_worker_and_they_say_so(payments: Payments) -> None:
    stack = payments.stack
    with in_terminal(["sh", "-c", script(stack.var_dir, "{command} >{log} 2>&1")], stack.environment):
        stack.wait_ready()
        wait_until(says(stack, "worker", '"event": "working"'))
    wait_until(says(stack, "mock_api", "stopped by SIGHUP"))
    wait_until(says(stack, "worker", '"signal": "SIGHUP"'))
    wait_until(says(stack, "worker", '"event": "stopped"'))
    # gunicorn takes SIGHUP for a request to start its workers anew
    stack.wait_ready(["api"])
    with pytest.raises(requests.ConnectionError):
        wait_until(lambda: not requests.get(f"{stack.mock_api}/healthz", timeout=5).ok)
