"""`python -m devtools.rehearsal.play <home>`: the whole life of a deployment, in a network without any way out."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import requests

from devtools.rehearsal.containers import Containers
from devtools.rehearsal.engine import Engine
from devtools.rehearsal.load import API, Load
from devtools.rehearsal.pages import StepFailed, block
from devtools.servers import ServerMissing

WORKERS = 3
TOPIC = "clinic.visit.opened"
PASSWORD = "correct horse battery"
LOADED_S = 8.0
"""How long clients pay before and after what happens under load."""


class Play:
    """The steps. Each returns what it saw, and raises StepFailed if that is not what the pages promise."""

    def __init__(self, home: Path) -> None:
        self.containers = Containers(home)
        self._shell = self.containers.shell
        self.accepted: list[str] = []

    def starts(self) -> str:
        """The block of the page about deployment: up, /readyz and the first administrator."""
        printed = self._shell(block("docs/how-to/deploy.md", "docker compose up"), PASSWORD)
        self._need('"status":"ready"' in printed, printed)
        self.containers.wait_healthy("worker")
        found = [container["State"]["Status"] for container in self.containers.of("worker")]
        self._need(found == ["running"] * WORKERS, str(found))
        users = {self._shell(f"docker compose exec -T {name} id -u").strip() for name in ("api", "worker", "mock_api")}
        self._need(users == {"10001"}, str(users))
        return f"ready, {len(found)} workers, all of uid 10001"

    def pays(self) -> str:
        """The first payment of the README."""
        printed = self._shell(block("README.md", "curl -i"))
        location = re.search(r"^Location: (\S+)", printed, re.MULTILINE)
        self._need(location is not None, printed)
        assert location
        with self._load() as load:
            load.accepted.append(location[1])
        return self._settled(load)

    def loses_a_worker(self) -> str:
        """A worker's process dies under load, and the engine starts it again."""
        with self._load() as load:
            time.sleep(LOADED_S)
            self.containers.wait_restarted(self.containers.crash("worker"))
            time.sleep(LOADED_S)
        return self._settled(load)

    def loses_the_broker(self) -> str:
        """RabbitMQ dies under load, and the engine starts it again with its queues."""
        with self._load() as load:
            time.sleep(LOADED_S)
            self.containers.wait_restarted(self.containers.crash("rabbitmq"))
            time.sleep(LOADED_S)
        self._need(load.repeats == 0, f"{load.repeats} requests were not accepted while the broker was away")
        return self._settled(load)

    def restarts(self) -> str:
        """All containers restart, and then all are made anew. What was paid is still there."""
        self._shell("docker compose restart")
        self._ready()
        self._publish()
        self._shell(f"docker compose down && docker compose up --detach --scale worker={WORKERS}")
        self._ready()
        self._one_event_waits()
        before = {requests.get(url, timeout=30).status_code for url in self.accepted}
        self._need(before == {200}, str(before))
        with self._load() as load:
            time.sleep(LOADED_S)
        earlier = len(self.accepted)
        return f"{earlier} earlier payments and an event in its queue are there; {self._settled(load)}"

    def upgrades(self) -> str:
        """A new image under load: the workers first, then the API, as the page about upgrades says."""
        project = self.containers.tree / "pyproject.toml"
        project.write_text(
            re.sub(r'^version = "(.+)"', r'version = "\1+new"', project.read_text(), count=1, flags=re.MULTILINE)
        )
        old = {container["Image"] for container in self.containers.of("worker")}
        with self._load() as load:
            self._shell(block("docs/how-to/upgrade.md", "docker compose build"))
            time.sleep(LOADED_S)
        new = {container["Image"] for name in ("worker", "api") for container in self.containers.of(name)}
        self._need(len(new) == 1 and not new & old, f"{old} became {new}")
        return self._settled(load)

    def ends(self) -> str:
        """All is taken down, with its data."""
        self._shell("docker compose down --volumes")
        left = self._shell(
            "docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom"
        )
        self._need(not left.strip(), left)
        return "no container, volume or network is left"

    def _load(self) -> Load:
        return Load()

    def _settled(self, load: Load) -> str:
        """Waits for the end of the payments, and audits everything."""
        statuses = load.statuses()
        self.accepted += load.accepted
        self._need(statuses.keys() == {"succeeded"}, str(statuses))
        audit = json.loads(self._shell("docker compose exec -T worker quittance audit --json"))
        self._need(not any(audit["discrepancies"].values()), str(audit))
        paid = f"{statuses['succeeded']} paid, {load.repeats} requests repeated"
        return f"{paid}, at most {load.silence_s:.1f} s between two acceptances, 0 discrepancies"

    def _ready(self) -> None:
        self.containers.wait_healthy("mongo", "rabbitmq", "mock_api", "api", "worker")
        # A broker that restarts after its clients is found again by and by.
        self.containers.wait_until(self._is_ready, "the API is not ready")

    def _is_ready(self) -> bool:
        ready: dict[str, Any] = requests.get(f"{API}/readyz", timeout=30).json()
        return (ready["status"], ready["store"], ready["broker"]) == ("ready", "ok", "ok")

    def _publish(self) -> None:
        """Has the API publish an event that nobody consumes."""
        token = self._shell("docker compose exec -T api cat /run/secrets/admin_token").strip()
        headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=30"}
        answer = requests.post(f"{API}/api/event/{TOPIC.replace('.', '/')}", json={}, headers=headers, timeout=60)
        self._need(answer.status_code == 200, answer.text)
        self._one_event_waits()

    def _one_event_waits(self) -> None:
        """Waits until RabbitMQ counts one event: it counts a quorum queue every few seconds."""
        listing = "docker compose exec -T rabbitmq rabbitmqctl -q list_queues name messages"
        row = f"events.queue.v1.{TOPIC}\t1"
        self.containers.wait_until(lambda: row in self._shell(listing).splitlines(), "the broker lost an event")

    @staticmethod
    def _need(seen: bool, otherwise: str) -> None:
        if not seen:
            raise StepFailed(otherwise)


def play(home: Path) -> None:
    """Plays every step and prints what each saw. Raises ServerMissing, StepFailed."""
    with Engine(home, "private"):
        steps = Play(home)
        in_order: list[Callable[[], str]] = [
            steps.starts,
            steps.pays,
            steps.loses_a_worker,
            steps.loses_the_broker,
            steps.restarts,
            steps.upgrades,
            steps.ends,
        ]
        try:
            for step in in_order:
                began = time.monotonic()
                click.echo(f"{step.__name__}: {step()} ({time.monotonic() - began:.0f} s)")
        except StepFailed:
            click.echo(steps.containers.shell("docker compose ps --all; docker compose logs --tail 20"), err=True)
            raise
        finally:
            steps.containers.shell("docker compose down --volumes --timeout 1")


if __name__ == "__main__":
    try:
        play(Path(sys.argv[1]))
    except (ServerMissing, StepFailed) as failure:
        sys.exit(f"the rehearsal failed: {failure}")
