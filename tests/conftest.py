"""What several folders of tests need: servers, one of each for the whole session, and products that a test writes."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import structlog

from core.settings import NO_DOTENV
from devtools.mongo import JavaMissing
from devtools.rabbit import Rabbit, open_rabbit
from devtools.servers import ServerMissing
from devtools.stores import StoreServer, open_store_server

pytest_plugins = ("tests.browser",)

Server = TypeVar("Server")

os.environ[NO_DOTENV] = "1"  # a developer's own .env is not for tests, nor for the processes that they start


def running(open_server: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    """A server. Where it is missing, the test is skipped on a laptop and fails in CI; nothing installs Java."""
    try:
        opened = open_server()
    except JavaMissing as missing:
        pytest.skip(str(missing))
    except ServerMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
    with opened as server:
        yield server


@pytest.fixture(autouse=True)
def _logs_as_by_default() -> Iterator[None]:
    """A command that a test runs in this process may configure the logs: those of the next test must be heard."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    yield from running(open_rabbit)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[StoreServer]:
    yield from running(partial(open_store_server, "postgresql"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[StoreServer]:
    yield from running(partial(open_store_server, "mariadb"))


@pytest.fixture(scope="session")
def mongodb() -> Iterator[StoreServer]:
    yield from running(partial(open_store_server, "mongodb"))


@pytest.fixture(scope="session")
def private_rabbit(rabbit: Rabbit) -> Rabbit:
    """A server that a test may stop and change."""
    if not rabbit.controllable:
        pytest.skip("BROKER_TEST_URL names a server that tests must not stop or change")
    return rabbit


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes a package with these modules into a folder on the path, and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)
    names: set[str] = set()

    def made(name: str, init: str = "", **modules: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        for module, source in {"__init__": init, **modules}.items():
            (folder / f"{module}.py").write_text(source)
        names.add(name)
        importlib.invalidate_caches()
        return name

    yield made
    for module in [module for module in sys.modules if module.partition(".")[0] in names]:
        del sys.modules[module]
