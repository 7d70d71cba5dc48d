"""A RabbitMQ server for tests and benchmarks: a given server, a private node, or a container. Needs no pytest.

    with open_rabbit() as rabbit:
        RabbitBroker(rabbit.url)

The server is the first that is available of:
- the server at BROKER_TEST_URL;
- an installed `rabbitmq-server`, run as a private node with its own ports, directories and epmd;
- the Debian package, installed if this process runs as root;
- a Docker container.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, Self
from uuid import uuid4

from devtools.servers import COMMAND_S, STARTUP_S, ServerMissing, free_ports, install, succeeds

IMAGE = "rabbitmq:4-alpine"
BINARIES = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))


class Rabbit(Protocol):
    """A RabbitMQ server.

    url: its AMQP address.
    controllable: whether ctl, start and kill are available. False for a shared server.
    """

    url: str
    controllable: bool

    def ctl(self, *arguments: str) -> str:
        """Runs rabbitmqctl on this node and returns its output. Raises CalledProcessError."""

    def kill(self) -> None:
        """Kills the server, as a power cut would; its data on disk stays."""

    def start(self) -> None:
        """Starts the server, also after a kill, and returns when it accepts connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_rabbit() -> Rabbit:
    """Returns a running server. Leaving its context stops what was started here. Raises ServerMissing."""
    if url := os.environ.get("BROKER_TEST_URL"):
        return GivenRabbit(url)
    binaries = installed_binaries()
    rabbit: Rabbit
    if binaries:
        rabbit = PrivateNode(binaries)
    elif succeeds(["docker", "info"]):
        rabbit = Container()
    else:
        raise ServerMissing("set BROKER_TEST_URL, or install rabbitmq-server, or be root on Debian, or have Docker")
    try:
        rabbit.start()
    except BaseException:
        rabbit.__exit__()
        raise
    return rabbit


@contextmanager
def own_vhost(rabbit: Rabbit) -> Iterator[str]:
    """Yields the URL of a virtual host of one's own. Stacks that share one take each other's rings.

    rabbit: a controllable server.
    """
    name = f"test-{uuid4().hex[:8]}"
    rabbit.ctl("add_vhost", name)
    rabbit.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    yield rabbit.url.replace("%2F", name)
    rabbit.ctl("delete_vhost", name)


class GivenRabbit:
    """A server that is already running: it is used, and never stopped."""

    controllable = False

    def __init__(self, url: str) -> None:
        self.url = url

    def ctl(self, *arguments: str) -> str:
        raise NotImplementedError("a given server cannot be controlled")

    def kill(self) -> None:
        raise NotImplementedError("a given server cannot be killed")

    def start(self) -> None:
        raise NotImplementedError("a given server cannot be started")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Ground:
    """A folder and a port mapper (epmd) for private nodes. Those of one ground share a cookie, as a cluster needs."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="quittance-rabbit-"))
        (epmd_port,) = free_ports(1)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        self.environment = inherited | {
            "HOME": str(self.home),  # the folder of the Erlang cookie: a system node uses another
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._epmd: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        if self._epmd is None:
            # A private epmd in the foreground: otherwise a node would leave a daemon behind.
            self._epmd = self.spawn([_epmd()], self.environment)

    def spawn(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def close(self) -> None:
        _kill_group(self._epmd)
        shutil.rmtree(self.home, ignore_errors=True)


class PrivateNode:
    """An installed server, run as a separate node: it neither disturbs other nodes nor leaves files behind."""

    controllable = True

    def __init__(self, binaries: Path, ground: Ground | None = None, config: str = "") -> None:
        """ground: where it stands, when it shares one; whoever made that closes it. config: more of rabbitmq.conf."""
        self._binaries = binaries
        self._own = Ground() if ground is None else None
        self._ground = self._own or ground or Ground()
        self.port, self._distribution_port = free_ports(2)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self.name = f"test-{os.getpid()}-{self.port}@localhost"
        self._environment = self._settings(config)
        self._server: subprocess.Popen[bytes] | None = None

    def _settings(self, config: str) -> dict[str, str]:
        home = self._ground.home / str(self.port)
        home.mkdir()
        (home / "enabled_plugins").write_text("[].\n")
        (home / "rabbitmq-env.conf").write_text("")
        (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n{config}")
        return self._ground.environment | {
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "ERL_CRASH_DUMP": str(home / "crash.dump"),  # else in the working directory
            "RUNNING_UNDER_SYSTEMD": "true",  # without a shell in between: the process started here is the server
            # Spinning idle schedulers would take processor time from the measured processes.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def ctl(self, *arguments: str) -> str:
        return _output([str(self._binaries / "rabbitmqctl"), "-q", "-n", self.name, *arguments], self._environment)

    def start(self) -> None:
        self._ground.open()
        self._server = self._ground.spawn([str(self._binaries / "rabbitmq-server")], self._environment)
        wait_for_amqp(self.url, self._server, self._ground.home / "output")

    def kill(self) -> None:
        _kill_group(self._server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _kill_group(self._server)
        if self._own is not None:
            self._own.close()


class Container:
    """The official image under Docker, on a free port of this machine only."""

    controllable = True

    def __init__(self) -> None:
        (self._port,) = free_ports(1)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/%2F"
        self._id = ""

    def ctl(self, *arguments: str) -> str:
        return _output(["docker", "exec", self._id, "rabbitmqctl", "-q", *arguments])

    def start(self) -> None:
        if self._id:
            _output(["docker", "start", self._id])
        else:
            # A fixed host name: the node's directory is named after it, and is needed again after a kill.
            run = ["docker", "run", "-d", "--hostname", "rabbit", "-p", f"127.0.0.1:{self._port}:5672", IMAGE]
            self._id = _output(run).split()[-1]
        wait_for_amqp(self.url)

    def kill(self) -> None:
        _output(["docker", "kill", self._id])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._id:
            succeeds(["docker", "rm", "-f", "-v", self._id])


def installed_binaries() -> Path | None:
    """Returns the folder of the programs of an installed server; as root on Debian, it is installed first."""
    if not (found := _installed()):
        install("rabbitmq-server")
        found = _installed()
    return found


def _installed() -> Path | None:
    """Returns the folder of the real programs: Debian's wrappers change the user and drop the environment."""
    found = shutil.which("rabbitmq-server")
    folders = [*BINARIES, *([Path(found).resolve().parent] if found else [])]
    return next((f for f in folders if (f / "rabbitmq-server").exists() and (f / "rabbitmqctl").exists()), None)


def _epmd() -> str:
    """Returns the path of Erlang's port mapper, which some packages keep out of PATH."""
    found = shutil.which("epmd") or next((str(p) for p in Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if not found:
        raise ServerMissing("rabbitmq-server is installed, but Erlang's epmd was not found")
    return found


def _output(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=COMMAND_S
    ).stdout


def wait_for_amqp(url: str, server: subprocess.Popen[bytes] | None = None, output: Path | None = None) -> None:
    """Returns when the server at `url` accepts AMQP connections.

    server: its process, if started here.
    output: the file of the process's output, for the error message.
    Raises ServerMissing if the process ends or is not ready in time.
    """
    port = int(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
    deadline = time.monotonic() + STARTUP_S
    while not _speaks_amqp(port):
        ended = server is not None and server.poll() is not None
        if ended or time.monotonic() > deadline:
            printed = output.read_text(errors="replace")[-2000:] if output else ""
            raise ServerMissing(f"RabbitMQ {'ended' if ended else 'was not ready in time'} on port {port}: {printed}")
        time.sleep(0.05)


def _speaks_amqp(port: int) -> bool:
    """Returns whether the port answers in AMQP. A connection is not enough: Docker's proxy accepts one too early."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
        peer.sendall(b"AMQP\x00\x00\x09\x01")
        return bool(peer.recv(1))
    return False


def _kill_group(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
