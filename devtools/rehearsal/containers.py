"""The containers of a rehearsal, as the engine sees them."""

import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from devtools.rehearsal.engine import environment
from devtools.rehearsal.pages import StepFailed, paste

HEALTHY_S = 180.0


class Containers:
    """What runs in the engine at `home`."""

    def __init__(self, home: Path) -> None:
        self.tree = home / "tree"
        self.environment = environment(home)

    def shell(self, lines: str, typed: str = "") -> str:
        """Runs shell lines in the clone. Raises StepFailed."""
        return paste(lines, self.tree, self.environment, typed)

    def of(self, service: str) -> list[dict[str, Any]]:
        """Returns what `docker inspect` says about each container of a service."""
        ids = self.shell(f"docker compose ps --all --quiet {service}").split()
        found: list[dict[str, Any]] = json.loads(self.shell(f"docker inspect {' '.join(ids)}")) if ids else []
        return found

    def crash(self, service: str) -> str:
        """Kills the first process of a container of the service, as a fault would, and returns the container's id.

        `docker kill` is no fault: the engine does not start again what a person stopped.
        """
        crashed = self.of(service)[0]
        os.kill(crashed["State"]["Pid"], signal.SIGKILL)
        return str(crashed["Id"])

    def wait_restarted(self, id: str) -> None:
        """Returns when the engine has started the container again, and it is healthy. Raises StepFailed."""
        self.wait_until(
            lambda: self._state(id)["RestartCount"] >= 1 and _healthy(self._state(id)), f"{id} did not come back"
        )

    def wait_healthy(self, *services: str) -> None:
        """Returns when every container of the services is healthy. Raises StepFailed."""
        for service in services:
            self.wait_until(partial(self._all_healthy, service), f"{service} is not healthy")

    def _all_healthy(self, service: str) -> bool:
        found = self.of(service)
        return bool(found) and all(_healthy(container) for container in found)

    def _state(self, id: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.shell(f"docker inspect {id}"))[0]
        return state

    def wait_until(self, reached: Callable[[], bool], otherwise: str) -> None:
        """Returns when `reached` says so. Raises StepFailed, with `otherwise`, after HEALTHY_S."""
        deadline = time.monotonic() + HEALTHY_S
        while not reached():
            if time.monotonic() > deadline:
                raise StepFailed(f"{otherwise}: {self.shell('docker compose ps --all; docker compose logs --tail 20')}")
            time.sleep(0.5)


def _healthy(container: dict[str, Any]) -> bool:
    return bool(container["State"]["Health"]["Status"] == "healthy")
