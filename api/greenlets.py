"""gunicorn's gevent worker, with a stop that waits for requests and not for idle connections.

Requests are greenlets of one thread. With threads, each that waits for the store or for its client gives the
interpreter away and competes for it afterwards: that took a third of the processor time (see
docs/reference/performance.md).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from socket import SHUT_RD, socket
from types import FrameType
from typing import Any

import gevent
from gevent.event import Event
from gevent.monkey import get_original
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # it has no types

HEARTBEAT_S = 1.0
LOOK_AGAIN_S = 0.02


class Worker(GeventWorker):
    """A process of the API."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stopping = Event()
        self._clients: dict[Any, socket] = {}
        self._idle: set[socket] = set()

    def handle(self, listener: Any, client: socket, address: Any) -> None:
        here = gevent.getcurrent()
        self._clients[here] = client
        try:
            super().handle(listener, client, address)
        finally:
            del self._clients[here]

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """The wait for the next request of a connection, `keepalive` seconds at most."""
        client = self._clients[gevent.getcurrent()]
        self._idle.add(client)
        try:
            with super().timeout_ctx():
                yield
        finally:
            self._idle.discard(client)

    def handle_exit(self, number: int, frame: FrameType | None) -> None:
        super().handle_exit(number, frame)
        self._stopping.set()

    def run(self) -> None:
        """Serves until SIGTERM. Then requests have `graceful_timeout` seconds to end."""
        servers = [self._serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self._stopping.wait(HEARTBEAT_S)
        for server in servers:
            server.close()
        give_up_at = time.monotonic() + self.cfg.graceful_timeout
        while any(server.pool for server in servers) and time.monotonic() < give_up_at:
            for client in self._idle:
                _end_reading(client)
            self.notify()
            gevent.sleep(LOOK_AGAIN_S)
        for server in servers:
            server.stop(timeout=HEARTBEAT_S)

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        server = StreamServer(listener, partial(self.handle, listener), spawn=Pool(self.worker_connections))
        server.max_accept = 1  # the other process takes its share
        server.start()
        return server


def _end_reading(client: socket) -> None:
    """Lets the reader find the end of the stream, after a request that has arrived already.

    Not by gevent's own shutdown(): that is an error for the greenlet that reads.
    """
    with suppress(OSError), get_original("socket", "socket")(fileno=os.dup(client.fileno())) as same:
        same.shutdown(SHUT_RD)
