"""Servers of the store for tests, benchmarks and proofs: a given one, or a private one that is started here."""

import os
from collections.abc import Callable, Mapping
from typing import Protocol, Self

from devtools.mariadb import MariaDb
from devtools.mongo import Mongo
from devtools.postgres import Postgres
from devtools.servers import PrivateServer

PRIVATE: Mapping[str, tuple[str, Callable[[], PrivateServer]]] = {
    "postgresql": ("POSTGRES_TEST_URL", Postgres),
    "mariadb": ("MYSQL_TEST_URL", MariaDb),
    "mongodb": ("STORE_TEST_URL", Mongo),
}
"""By name: the variable that names a server to use instead, and the private server."""


class StoreServer(Protocol):
    """A server that databases can be made on.

    url: its address.
    controllable: whether pause, resume, kill and start are available. False for a given server.
    durable: whether its data survives a kill.
    """

    url: str
    controllable: bool
    durable: bool

    def start(self) -> None:
        """Starts the server, also after a kill, and returns when it answers. Raises ServerMissing."""

    def kill(self) -> None:
        """Kills the server, as a power cut would; its data on disk stays."""

    def pause(self) -> None:
        """Stops the server's processes where they are: connections stay open, and nothing is answered."""

    def resume(self) -> None:
        """Lets the paused processes run on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class GivenStoreServer:
    """A server that is already running: it is used, and never stopped."""

    controllable = False
    durable = True

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        raise NotImplementedError("a given server cannot be started")

    def kill(self) -> None:
        raise NotImplementedError("a given server cannot be killed")

    def pause(self) -> None:
        raise NotImplementedError("a given server cannot be paused")

    def resume(self) -> None:
        raise NotImplementedError("a given server cannot be resumed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def open_store_server(which: str) -> StoreServer:
    """Returns a running server. Leaving its context ends what was started here. Raises ServerMissing.

    which: a name in PRIVATE, or the URL of a server.
    """
    if which not in PRIVATE:
        return GivenStoreServer(which)
    variable, private = PRIVATE[which]
    if url := os.environ.get(variable):
        return GivenStoreServer(url)
    server = private()
    try:
        server.start()
    except BaseException:
        server.__exit__()
        raise
    return server
