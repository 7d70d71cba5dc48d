"""`quittance run`: when its terminal closes, no process is left and every port is free."""

import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devtools.stack import ROOT, free_port
from tests.e2e.kit import FAST

WITHIN_S = 45
PORTS = ("API_PORT", "MOCK_PORT", "METRICS_PORT")
RUN = [sys.executable, "-m", "ops", "run"]


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(var_dir: Path) -> list[int]:
    """The processes with this VAR_DIR in their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"VAR_DIR={var_dir}\0".encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    ports = {name: str(free_port()) for name in PORTS}
    yield {"PATH": os.environ["PATH"], "TERM": "xterm", **FAST, "VAR_DIR": str(tmp_path), **ports}
    for process in processes_of(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def in_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """Starts a command in a terminal of its own. Returns its process id, and the file that closes the terminal."""
    process, screen = pty.fork()
    if not process:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        os.chdir(ROOT)
        os.execvpe(command[0], command, environment)
    return process, screen


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")
@pytest.mark.parametrize(
    "command",
    [pytest.param(RUN, id="alone"), pytest.param(["sh", "-c", f"{shlex.join(RUN)} || exit 1"], id="in make")],
)
def test_a_terminal_that_closes_stops_all_processes(
    tmp_path: Path, environment: dict[str, str], command: list[str]
) -> None:
    # Given a running system in a terminal
    process, screen = in_terminal(command, environment)
    assert wait_until(lambda: all(listens(int(environment[name])) for name in PORTS)), os.read(screen, 10_000)
    assert len(processes_of(tmp_path)) >= len(PORTS)

    # If the terminal closes
    os.close(screen)

    # I expect that every process ends, and every port is free
    os.waitpid(process, 0)
    assert wait_until(lambda: not processes_of(tmp_path))
    assert not any(listens(int(environment[name])) for name in PORTS)


def test_a_hangup_that_nohup_ignores_stops_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    process, screen = in_terminal(["sh", "-c", f"trap '' HUP; exec {shlex.join(RUN)}"], environment)
    assert wait_until(lambda: all(listens(int(environment[name])) for name in PORTS)), os.read(screen, 10_000)

    os.close(screen)

    assert all(listens(int(environment[name])) for name in PORTS)
    os.kill(process, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 128 + signal.SIGTERM
    assert wait_until(lambda: not processes_of(tmp_path))


EARLY = """
from honcho.printer import Printer
from ops.foreground import Services

services = Services(Printer())
for name in ("one", "two"):
    services.add_process(name, "exec sleep 600")
services.terminate()
services.loop()
"""


def test_a_stop_signal_before_all_have_started_stops_them() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S)

    assert done.returncode == 0, done.stderr
    assert "one stopped (rc=-15)" in done.stdout
    assert "two stopped (rc=-15)" in done.stdout
