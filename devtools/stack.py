"""Starts and stops the processes of the Procfile together, for the demo, the tests and the benchmarks."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from core.bootstrap import open_store_at
from core.sealing import read_key_pair
from core.settings import NO_DOTENV, setting_names
from core.store.port import Store
from devtools.servers import free_ports

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"
TRIAL = {"ALLOW_SANDBOX": "1", "ALLOW_SHORT_SECRETS": "1"}
"""What these set-ups do also on a server's store: all their partners are the sandbox."""
READY_S = 30
STOP_S = 25
"""Slightly more than a worker's grace time for calls in flight."""


def commands() -> dict[str, list[str]]:
    """Returns the processes of the Procfile: by name, the command as a list of arguments."""
    lines = (line.partition(":") for line in PROCFILE.read_text().splitlines() if line.strip())
    return {name.strip(): shlex.split(command) for name, _, command in lines}


def free_port() -> int:
    """Returns a TCP port of 127.0.0.1 that is free at the moment."""
    (port,) = free_ports(1)
    return port


def own_path() -> str:
    """Returns PATH with this Python's programs first: the Procfile's commands need no activated environment."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _without_settings() -> dict[str, str]:
    """Returns the environment without our settings, so that no real operator, store or broker is used by accident."""
    ours = {*setting_names(), "SCREENING_URL2"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOCK_") and name.removesuffix("_FILE") not in ours
    }


class NotReady(Exception):
    """A process failed or did not answer in time; the message contains the end of its output."""


class Stack:
    """A running set-up on free ports. As a context manager, it stops every process at the end.

    var_dir: the folder for state and logs.
    environment: the settings that differ from the default.
    programs: by process name, commands that replace those of the Procfile.
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
            NO_DOTENV: "1",
            **TRIAL,
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

    def open_store(self) -> Store:
        """Opens the store of this set-up, in this process."""
        self.var_dir.mkdir(exist_ok=True)
        url = self.environment.get("STORE_URL") or f"sqlite:///{self.var_dir / 'quittance.sqlite'}"
        keys = (self.environment.get(name, "") for name in ("DATA_KEYS", "DATA_INDEX_KEY"))
        return open_store_at(url, keys=read_key_pair(*keys))

    def migrate(self) -> None:
        """Brings the store to the schema of this release: a server needs it before its first use. Raises NotReady."""
        command = [sys.executable, "-m", "ops", "migrate"]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise NotReady(f"the store was not migrated: {done.stdout}{done.stderr}")

    def start(self, names: Iterable[str] = ("mock_api", "api", "worker"), label: str = "") -> None:
        """Starts these processes, and waits until those that listen answer.

        label: appended to the names, to tell several processes of one name apart.
        Raises NotReady.
        """
        for name in names:
            self.var_dir.mkdir(parents=True, exist_ok=True)
            with self._log(name + label).open("ab") as log:
                self.processes[name + label] = subprocess.Popen(
                    self._programs[name], cwd=ROOT, env=self.environment, stdout=log, stderr=log
                )
        self.wait_ready(names)

    def wait_ready(self, names: Iterable[str] = ("mock_api", "api")) -> None:
        """Returns when the listening processes among these answer. Raises NotReady."""
        for name in names:
            if name in ("api", "mock_api"):
                self._wait(name, (self.api if name == "api" else self.mock_api) + "/healthz")

    def stop(self, names: Iterable[str] | None = None, by: signal.Signals = signal.SIGTERM) -> dict[str, int]:
        """Signals the processes in the reverse order of their start. Returns the exit status of each.

        names: default: all.
        """
        stopping = {name: self.processes.pop(name) for name in reversed(list(names or self.processes))}
        for process in stopping.values():
            process.send_signal(by)
        return {name: _wait_or_kill(process) for name, process in stopping.items()}

    def log(self, name: str) -> str:
        """Returns the output of a process."""
        return self._log(name).read_text(errors="replace")

    def __enter__(self) -> Self:
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
        printed = self.log(name)[-2000:] if name in self.processes else ""
        raise NotReady(f"{name} did not start:\n{printed}")


def _wait_or_kill(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
