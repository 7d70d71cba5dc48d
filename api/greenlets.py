"""gunicorn's gevent worker, with deadlines for slow clients, and a stop that waits for requests but not for idle
connections.

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
from gunicorn.http import wsgi  # type: ignore[import-untyped]  # it has no types
from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from api.connection import Connection, SlowHead
from api.http.errors import CLOSE
from api.http.unparsed import answer_to, refused

HEARTBEAT_S = 1.0
LOOK_AGAIN_S = 0.02


class Worker(GeventWorker):
    """A process of the API."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stopping = Event()
        self._clients: dict[Any, Connection] = {}
        self._asked: set[Connection] = set()
        self._idle: set[Connection] = set()

    def handle(self, listener: Any, client: socket, address: Any) -> None:
        here, connection = gevent.getcurrent(), Connection(client)
        self._clients[here] = connection
        try:
            super().handle(listener, connection, address)
        finally:
            del self._clients[here]
            self._asked.discard(connection)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """The wait for the next request of a connection, and for its whole head. It ends in time, without a request."""
        connection = self._clients[gevent.getcurrent()]
        connection.await_request(new=connection not in self._asked)
        self._idle.add(connection)
        try:
            with suppress(SlowHead):
                yield
        finally:
            self._idle.discard(connection)

    def handle_request(self, listener_name: Any, request: Any, connection: Connection, address: Any) -> None:
        self._asked.add(connection)
        connection.await_body()
        super().handle_request(listener_name, request, connection, address)

    def handle_error(self, request: Any, connection: Connection, address: Any, error: BaseException) -> None:
        """Answers what the app never saw, or could not answer. What the client sent is neither quoted nor logged."""
        if not refused(error):
            self.log.error("Error handling a request", exc_info=error)
        with suppress(Exception):  # the client may have gone
            write_nonblock(connection, answer_to(error))

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


def _end_reading(client: Connection) -> None:
    """Lets the reader find the end of the stream, after a request that has arrived already.

    Not by gevent's own shutdown(): that is an error for the greenlet that reads.
    """
    with suppress(OSError), get_original("socket", "socket")(fileno=os.dup(client.fileno())) as same:
        same.shutdown(SHUT_RD)


class Answer(wsgi.Response):
    """gunicorn's answer. It does not name the software, and closes the connection when the app says so."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        super().process_headers(headers)
        if any(name.lower() == "connection" and value == CLOSE["Connection"] for name, value in headers):
            self.force_close()

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Answer  # there is no setting for it
