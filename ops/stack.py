"""The processes of the Procfile, started and stopped together: for the demo, the tests and the benchmarks."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import TracebackType

import requests

from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"
READY_S = 30
STOP_S = 25
"""A little more than a worker takes to finish the calls it is in."""


def commands() -> dict[str, list[str]]:
    """The Procfile: the name of each process and its command, split as a shell does."""
    lines = (line.partition(":") for line in PROCFILE.read_text().splitlines() if line.strip())
    return {name.strip(): shlex.split(command) for name, _, command in lines}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def own_path() -> str:
    """PATH with this Python's own programs first: the Procfile's commands are found without activating anything."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _without_settings() -> dict[str, str]:
    """This process's environment without our settings: nobody's real operator, store or broker is used by accident."""
    ours = {field.name.upper() for field in fields(Settings)}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOCK_") and name.removesuffix("_FILE") not in ours
    }


class NotReady(Exception):
    """A process ended or did not answer in time; the message has the end of its log."""


class Stack:
    """A running set-up on free ports. A context manager: leaving it stops every process.

    var_dir: state and logs; environment: all settings that are not the default; programs: other commands than the
    Procfile's, by name.
    """

    def __init__(
        self,
        var_dir: Path,
        environment: Mapping[str, str] | None = None,
        programs: Mapping[str, list[str]] | None = None,
    ) -> None:
        self.var_dir = var_dir
        self._programs = {**commands(), **(programs or {})}
        self.api_port, self.mock_port = free_port(), free_port()
        self.environment = {
            **_without_settings(),
            "PATH": own_path(),
            "VAR_DIR": str(var_dir),
            "API_PORT": str(self.api_port),
            "MOCK_PORT": str(self.mock_port),
            **(environment or {}),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def mock_api(self) -> str:
        return f"http://127.0.0.1:{self.mock_port}"

    def start(self, names: Iterable[str] = ("mock_api", "api", "worker"), label: str = "") -> None:
        """Starts these processes and waits until those that listen answer. A label keeps several of one name apart."""
        for name in names:
            self.var_dir.mkdir(parents=True, exist_ok=True)
            with self._log(name + label).open("ab") as log:
                self.processes[name + label] = subprocess.Popen(
                    self._programs[name], cwd=ROOT, env=self.environment, stdout=log, stderr=log
                )
        self.wait_ready(names)

    def wait_ready(self, names: Iterable[str] = ("mock_api", "api")) -> None:
        """Returns when those of these processes that listen do answer. Raises NotReady."""
        for name in names:
            if name in ("api", "mock_api"):
                self._wait(name, (self.api if name == "api" else self.mock_api) + "/healthz")

    def stop(self, names: Iterable[str] | None = None, by: signal.Signals = signal.SIGTERM) -> dict[str, int]:
        """Signals the processes (all, in the reverse order of their start) and returns how each of them exited."""
        stopping = {name: self.processes.pop(name) for name in reversed(list(names or self.processes))}
        for process in stopping.values():
            process.send_signal(by)
        return {name: _wait_or_kill(process) for name, process in stopping.items()}

    def log(self, name: str) -> str:
        """What a process has printed."""
        return self._log(name).read_text(errors="replace")

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _log(self, name: str) -> Path:
        return self.var_dir / f"{name}.log"

    def _wait(self, name: str, url: str) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if name in self.processes and self.processes[name].poll() is not None:
                break
            try:
                if requests.get(url, timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.05)
        said = self.log(name)[-2000:] if name in self.processes else ""
        raise NotReady(f"{name} did not start:\n{said}")


def _wait_or_kill(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
