"""What private servers share: how they are installed, and how their processes are started, paused and ended."""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

STARTUP_S = 90.0
COMMAND_S = 600
LISTENING = 20_000, 32_000
"""Ports for servers: below those that systems give to outgoing connections."""
PORTS = Path(tempfile.gettempdir()) / f"quittance-ports-{os.getuid()}"
"""A file for each port that was chosen: servers take seconds to start, and other processes choose ports meanwhile."""
CHOSEN_S = 2 * STARTUP_S
"""How long a chosen port is kept for its server, in seconds."""
INSTALLING = Path(tempfile.gettempdir()) / "quittance-installing"
UNPRIVILEGED = "nobody"
"""The user for servers that refuse to run as root."""


class ServerMissing(Exception):
    """A server is not available; the message says why, and what to install."""


class PrivateServer(ABC):
    """A server in a folder of its own, on a free port of this machine. As a context manager, it leaves nothing behind.

    url: its address. A subclass sets it.
    controllable: whether it can be paused, killed and started: a given server cannot.
    durable: whether its data survives a kill.
    """

    url: str
    controllable = True
    durable = True

    def __init__(self, name: str, run_as: str | None = None) -> None:
        """name: of the product, for the folder and for messages. run_as: a user; default: this process's own."""
        self.name = name
        self.home = Path(tempfile.mkdtemp(prefix=f"quittance-{name.lower()}-"))
        (self.port,) = free_ports(1)
        self._run_as = run_as
        if run_as:
            shutil.chown(self.home, run_as)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Writes what the server needs on disk, before its first start. Raises ServerMissing."""

    @abstractmethod
    def command(self) -> list[str]:
        """Returns the command that is the server: it stays in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Returns whether a client gets an answer now."""

    def start(self) -> None:
        """Starts the server, also after a kill, and returns when it answers. Raises ServerMissing."""
        if self._process is None:
            self.prepare()
        with (self.home / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.home,
                env=self._environment(),
                user=self._run_as,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTUP_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                printed = (self.home / "output").read_text(errors="replace")[-2000:]
                raise ServerMissing(f"{self.name} was not ready on port {self.port}: {printed}")
            time.sleep(0.05)

    def pause(self) -> None:
        """Stops its processes where they are: connections stay open, and nothing is answered."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets paused processes run on."""
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kills its processes, as a power cut would. What is on disk stays."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGSTOP)  # it must not restart its children meanwhile
            for pid in reversed(self._pids()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def run(self, *command: str) -> None:
        """Runs a program as the server's user, in its folder. Raises ServerMissing."""
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self._environment(),
            user=self._run_as,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
        if done.returncode:
            raise ServerMissing(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")

    def _environment(self) -> dict[str, str]:
        """Returns its variables: temporary files are in its folder, as its user may not write to the system's."""
        return {**os.environ, "TMPDIR": str(self.home)}

    def _pids(self) -> list[int]:
        """Returns its own process first, then that process's children."""
        assert self._process is not None
        own = self._process.pid
        children = ["pgrep", "-P", str(own)]
        listed = subprocess.run(children, capture_output=True, text=True)
        return [own, *(int(pid) for pid in listed.stdout.split())]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def unprivileged() -> str | None:
    """Returns the user who runs a server that refuses root. None if this process is not root's."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def free_ports(count: int) -> list[int]:
    """Returns free TCP ports of this machine, of those that it does not give to outgoing connections.

    One that it does give could be taken by a connection before the server that the port is for has started. Nor is one
    chosen again by another process of this user within CHOSEN_S.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(*LISTENING)
        with suppress(OSError), socket.create_server(("", port)):
            ports += [port] * _choose(port)
    return ports


def _choose(port: int) -> bool:
    """Returns whether nobody has chosen the port lately; from now on it is this process's."""
    PORTS.mkdir(exist_ok=True)
    chosen = PORTS / str(port)
    with suppress(FileNotFoundError):
        if time.time() - chosen.stat().st_mtime > CHOSEN_S:
            chosen.unlink()
    try:
        chosen.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def install(*packages: str) -> None:
    """Installs Debian packages if this process may. Their services are not started."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    policy = Path("/usr/sbin/policy-rc.d")
    with INSTALLING.open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the policy of one process must not end while another installs
        ours = not policy.exists()
        if ours:  # exit status 101 forbids the package to start a system service
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            succeeds(["apt-get", "update"], environment)
            apt = ["apt-get", "-o", "DPkg::Lock::Timeout=200", "install", "-y", "--no-install-recommends"]
            succeeds([*apt, *packages], environment)
        finally:
            if ours:
                policy.unlink(missing_ok=True)


def succeeds(command: Sequence[str], environment: dict[str, str] | None = None) -> bool:
    """Returns whether the command can be run and exits with 0."""
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=COMMAND_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
