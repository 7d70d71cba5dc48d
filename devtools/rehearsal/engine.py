"""A private Docker Engine in one folder. It runs inside the namespaces of `namespaces.py`."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

from devtools.rehearsal.namespaces import CGROUP
from devtools.servers import STARTUP_S, ServerMissing, install, succeeds

PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "mmdebstrap": "mmdebstrap", "ip": "iproute2"}
"""By program: the package of Debian that has it."""

BUILDS = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
"""For an engine in the machine's own network: it must change nothing there."""


class Engine:
    """The engine while its context lasts.

    home: its folder. Images and volumes stay in it for the next engine.
    network: host: it builds images; private: it runs containers.
    """

    def __init__(self, home: Path, network: str) -> None:
        self._home, self._network = home, network
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        where = {
            "data-root": self._home / "data",
            "exec-root": self._home / "exec",
            "pidfile": self._home / "engine.pid",
            "host": socket_of(self._home),
            "cgroup-parent": f"/{CGROUP}",
            "exec-opt": "native.cgroupdriver=cgroupfs",
        }
        command = ["dockerd", *(f"--{name}={value}" for name, value in where.items())]
        command += BUILDS if self._network == "host" else []
        with (self._home / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTUP_S
        while not succeeds(["docker", "version"], environment(self._home)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerMissing(
                    f"the Docker Engine did not start: {(self._home / 'engine.log').read_text()[-2000:]}"
                )
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STARTUP_S)


def environment(home: Path) -> dict[str, str]:
    """Returns the environment for `docker` and `docker compose`."""
    return os.environ | {
        "DOCKER_HOST": socket_of(home),
        "DOCKER_CONFIG": str(home / "config"),
        "DOCKER_BUILDKIT": "0",  # BuildKit is a plug-in that Debian 12 does not have
        "COMPOSE_FILE": "docker-compose.yml:devtools/rehearsal/override.yml",
        "COMPOSE_PROJECT_NAME": "quittance",
        "COMPOSE_PROGRESS": "plain",
        "COMPOSE_PROFILES": "sandbox",
        "ALLOW_SANDBOX": "1",
    }


def socket_of(home: Path) -> str:
    return f"unix://{home}/docker.sock"


def need_programs() -> None:
    """Installs what is absent, if this process may. Raises ServerMissing."""
    if absent := _absent():
        install(*sorted({PROGRAMS[name] for name in absent}))
    if absent := _absent():
        raise ServerMissing(f"install {', '.join(sorted({PROGRAMS[name] for name in absent}))}: no {', '.join(absent)}")


def _absent() -> list[str]:
    return [name for name in PROGRAMS if not shutil.which(name)]
