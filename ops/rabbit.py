"""A RabbitMQ for tests and benchmarks: a given one, a private node, or a container. Needs no pytest.

    with open_rabbit() as rabbit:
        RabbitBroker(rabbit.url)

Where it comes from, in this order: BROKER_TEST_URL; an installed `rabbitmq-server`, run as a private node with its own
ports, directories and epmd; the Debian package, installed when we are root; Docker. RabbitMissing when there is none.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

STARTUP_S = 90.0
IMAGE = "rabbitmq:4-alpine"
BINARIES = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))


class RabbitMissing(Exception):
    """There is no RabbitMQ at hand, and why."""


class Rabbit(Protocol):
    url: str
    controllable: bool
    """Whether ctl, stop, start and kill may be used: not on a server that others use too."""

    def ctl(self, *arguments: str) -> str:
        """Runs rabbitmqctl on this node and returns what it printed. Raises CalledProcessError."""

    def kill(self) -> None:
        """Ends the server as a power cut would; what it had on disk stays."""

    def start(self) -> None:
        """Starts the server, also again after kill, and returns when it accepts connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_rabbit() -> Rabbit:
    """A server that has started; leaving its context ends whatever was started here. Raises RabbitMissing."""
    if url := os.environ.get("BROKER_TEST_URL"):
        return GivenRabbit(url)
    binaries = _installed() or _install()
    rabbit: Rabbit
    if binaries:
        rabbit = PrivateNode(binaries)
    elif _succeeds(["docker", "info"]):
        rabbit = Container()
    else:
        raise RabbitMissing("set BROKER_TEST_URL, or install rabbitmq-server, or be root on Debian, or have Docker")
    try:
        rabbit.start()
    except BaseException:
        rabbit.__exit__()
        raise
    return rabbit


class GivenRabbit:
    """A server that somebody else runs: used, never touched."""

    controllable = False

    def __init__(self, url: str) -> None:
        self.url = url

    def ctl(self, *arguments: str) -> str:
        raise NotImplementedError("a given server is not ours to control")

    def kill(self) -> None:
        raise NotImplementedError("a given server is not ours to kill")

    def start(self) -> None:
        raise NotImplementedError("a given server is not ours to start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class PrivateNode:
    """An installed server run as a node of its own: nothing of it is seen by, or left to, the rest of the machine."""

    controllable = True

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._home = Path(tempfile.mkdtemp(prefix="quittance-rabbit-"))
        self._port, distribution_port, epmd_port = _free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/%2F"
        self._node = f"test-{os.getpid()}-{self._port}@localhost"
        self._environment = self._settings(distribution_port, epmd_port)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def _settings(self, distribution_port: int, epmd_port: int) -> dict[str, str]:
        (self._home / "enabled_plugins").write_text("[].\n")
        (self._home / "rabbitmq-env.conf").write_text("")
        (self._home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self._port}\n")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return inherited | {
            "HOME": str(self._home),  # where the Erlang cookie lies: a node of the system's has another
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self._home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self._home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
            "RABBITMQ_PID_FILE": str(self._home / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell stays in between: the process we started is the server
            # Idle schedulers that spin would take the processor from what is measured beside them.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def ctl(self, *arguments: str) -> str:
        return _output([str(self._binaries / "rabbitmqctl"), "-q", "-n", self._node, *arguments], self._environment)

    def start(self) -> None:
        if self._epmd is None:
            # Ours and in the foreground, so that the node does not leave a daemon behind.
            self._epmd = self._spawn([_epmd()])
        self._server = self._spawn([str(self._binaries / "rabbitmq-server")])
        wait_for_amqp(self.url, self._server, self._home / "output")

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._home / "output").open("ab") as output:
            return subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        _kill_group(self._server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _kill_group(self._server)
        _kill_group(self._epmd)
        shutil.rmtree(self._home, ignore_errors=True)


class Container:
    """The official image under Docker, on a free port of this machine only."""

    controllable = True

    def __init__(self) -> None:
        (self._port,) = _free_ports(1)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/%2F"
        self._id = ""

    def ctl(self, *arguments: str) -> str:
        return _output(["docker", "exec", self._id, "rabbitmqctl", "-q", *arguments])

    def start(self) -> None:
        if self._id:
            _output(["docker", "start", self._id])
        else:
            # A fixed host name: the node's directory is named after it, and must be found again after a kill.
            run = ["docker", "run", "-d", "--hostname", "rabbit", "-p", f"127.0.0.1:{self._port}:5672", IMAGE]
            self._id = _output(run).split()[-1]
        wait_for_amqp(self.url)

    def kill(self) -> None:
        _output(["docker", "kill", self._id])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._id:
            _succeeds(["docker", "rm", "-f", "-v", self._id])


def _installed() -> Path | None:
    """The folder of the programs themselves: Debian's wrappers change the user and drop the environment."""
    found = shutil.which("rabbitmq-server")
    folders = [*BINARIES, *([Path(found).resolve().parent] if found else [])]
    return next((f for f in folders if (f / "rabbitmq-server").exists() and (f / "rabbitmqctl").exists()), None)


def _install() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:  # 101 is "may not": the package would start a service of its own
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        _succeeds(["apt-get", "update"], environment)
        install = ["apt-get", "-o", "DPkg::Lock::Timeout=200", "install", "-y", "--no-install-recommends"]
        _succeeds([*install, "rabbitmq-server"], environment)
    finally:
        if ours:
            policy.unlink(missing_ok=True)
    return _installed()


def _epmd() -> str:
    """Erlang's port mapper, which some packages keep out of the PATH."""
    found = shutil.which("epmd") or next((str(p) for p in Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if not found:
        raise RabbitMissing("rabbitmq-server is installed, but Erlang's epmd was not found")
    return found


def _succeeds(command: Sequence[str], environment: dict[str, str] | None = None) -> bool:
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=600).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _output(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=600).stdout


def _free_ports(count: int) -> list[int]:
    """Held together until all are known, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def wait_for_amqp(url: str, server: subprocess.Popen[bytes] | None = None, output: Path | None = None) -> None:
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    deadline = time.monotonic() + STARTUP_S
    while not _greets(port):
        ended = server is not None and server.poll() is not None
        if ended or time.monotonic() > deadline:
            said = output.read_text(errors="replace")[-2000:] if output else ""
            raise RabbitMissing(f"RabbitMQ {'ended' if ended else 'was not ready in time'} on port {port}: {said}")
        time.sleep(0.05)


def _greets(port: int) -> bool:
    """Whether AMQP is spoken there. A connection alone says little: Docker's proxy accepts before the server is up."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
        peer.sendall(b"AMQP\x00\x00\x09\x01")
        return bool(peer.recv(1))
    return False


def _kill_group(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
