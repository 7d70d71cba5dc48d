"""The command by which Compose decides whether the API and the workers start, on real servers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devtools.databases import own_database
from devtools.rabbit import Rabbit, own_vhost
from devtools.stack import ROOT, Stack
from devtools.stores import StoreServer
from tests.e2e.kit import FAST

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq")]


def of_compose() -> list[str]:
    """The command of the service `doctor`."""
    python, *words = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]["doctor"]["command"]
    assert python == "python"
    return [sys.executable, *words]


@pytest.fixture
def stack(tmp_path: Path, postgresql: StoreServer, private_rabbit: Rabbit) -> Iterator[Stack]:
    """A set-up on servers whose partners are away: nothing of it runs."""
    with own_database(postgresql.url) as store_url, own_vhost(private_rabbit) as broker_url:
        yield Stack(tmp_path / "var", {**FAST, "STORE_URL": store_url, "BROKER_URL": broker_url})


def run(stack: Stack, command: list[str], **changes: str) -> tuple[int, str]:
    """The exit code, and what was printed, in one line."""
    done = subprocess.run(
        command, cwd=ROOT, env={**stack.environment, **changes}, capture_output=True, text=True, timeout=100
    )
    assert not done.stderr
    return done.returncode, " ".join(done.stdout.split())


def test_compose_starts_what_is_sound_and_says_what_is_broken(stack: Stack) -> None:
    # Given a store that is not migrated
    code, printed = run(stack, of_compose())
    assert code == 1
    assert "quittance migrate" in printed

    # If it is, I expect a start although no partner answers
    stack.migrate()
    assert run(stack, of_compose())[0] == 0
    assert run(stack, [word for word in of_compose() if word != "--no-partners"])[0] == 3

    # And none with anything that the API or a worker cannot work with
    for change, said in (
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"PIN_PEPPER": ""}, "PIN_PEPPER"),
        ({"ALLOW_SANDBOX": ""}, "ALLOW_SANDBOX"),
        ({"WORKER_CONCURRENCY": "many"}, "WORKER_CONCURRENCY"),
        ({"STORE_URL": "postgresql://127.0.0.1:9/q"}, "STORE_URL"),
        ({"BROKER_URL": "amqp://127.0.0.1:9/"}, "BROKER_URL"),
    ):
        code, printed = run(stack, of_compose(), **change)
        assert (code, said in printed) == (1, True), printed
