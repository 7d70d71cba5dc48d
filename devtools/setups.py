"""The servers that a stack runs on: named or given on the command line, for chaos and the benchmarks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from devtools.databases import SORTS, own_database
from devtools.rabbit import GivenRabbit, Rabbit, open_rabbit
from devtools.stack import Stack
from devtools.stores import PRIVATE, StoreServer, open_store_server

SQLITE, EMBEDDED, RABBITMQ = "sqlite", "embedded", "rabbitmq"


@dataclass(frozen=True)
class Setup:
    """Where a stack keeps its state.

    store: None for a SQLite file.
    rabbit: None for the embedded broker.
    """

    store: StoreServer | None = None
    rabbit: Rabbit | None = None

    @property
    def broker(self) -> str:
        """The sort of broker, for tables."""
        return RABBITMQ if self.rabbit else EMBEDDED

    @property
    def name(self) -> str:
        """The sorts of store and broker, for tables: without addresses, which may have passwords."""
        store = self.store.url.partition("://")[0] if self.store else SQLITE
        return f"{store}, {self.broker}"

    @contextmanager
    def stack(
        self,
        var_dir: Path,
        settings: Mapping[str, str] | None = None,
        programs: Mapping[str, list[str]] | None = None,
    ) -> Iterator[Stack]:
        """Yields a stack on an empty store, not started yet.

        settings: other settings of the stack.
        programs: by process name, commands that replace those of the Procfile.
        """
        with ExitStack() as exits:
            servers = {}
            if self.store:
                servers["STORE_URL"] = exits.enter_context(own_database(self.store.url))
            if self.rabbit:
                servers["BROKER_URL"] = self.rabbit.url
            stack = exits.enter_context(Stack(var_dir, {**servers, **(settings or {})}, programs))
            if self.store:
                stack.migrate()
            yield stack


@contextmanager
def open_setup(store: str, broker: str) -> Iterator[Setup]:
    """Yields running servers, as the options name them. Raises ServerMissing."""
    with ExitStack() as exits:
        server = None if store == SQLITE else exits.enter_context(open_store_server(store))
        rabbit = None if broker == EMBEDDED else exits.enter_context(_rabbit(broker))
        yield Setup(server, rabbit)


def setup_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options --store and --broker to a command. Their values are for `open_setup`."""
    stores = click.option(
        "--store",
        default=SQLITE,
        callback=_one_of(SQLITE, *PRIVATE, schemes=tuple(SORTS)),
        help=f"{SQLITE}; {', '.join(PRIVATE)}: a private server; or the URL of a server.",
    )
    brokers = click.option(
        "--broker",
        default=EMBEDDED,
        callback=_one_of(EMBEDDED, RABBITMQ, schemes=("amqp", "amqps")),
        help=f"{EMBEDDED}; {RABBITMQ}: a private server; or the URL of a server.",
    )
    return stores(brokers(command))


def _rabbit(broker: str) -> Rabbit:
    return open_rabbit() if broker == RABBITMQ else GivenRabbit(broker)


def _one_of(*names: str, schemes: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], str]:
    """Returns a check that a value is one of the names, or a URL with one of the schemes."""

    def check(_: click.Context, __: click.Parameter, value: str) -> str:
        scheme, is_url, _rest = value.partition("://")
        if value not in names and not (is_url and scheme.partition("+")[0] in schemes):
            raise click.BadParameter(f"use {', '.join(names)}, or a URL with {', '.join(schemes)}")
        return value

    return check
