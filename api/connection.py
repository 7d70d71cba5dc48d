"""A client's connection, with deadlines: whoever is slow on purpose gives its place back."""

import errno
import time
from socket import socket
from typing import Any

import gevent
from gunicorn.util import close_graceful  # type: ignore[import-untyped]  # it has no types

from api.http.errors import BodyTooSlow

IDLE_S = 30.0
"""How long a client may keep its connection between two requests."""
HEAD_S = 10.0
"""From the first byte of a request, or from the connection, to the end of the head."""
BODY_S = 20.0
"""For the body: 64 KiB at 3 KiB/s, which is a poor mobile network."""
LINGER_S = 1.0
"""How long the client may go on sending after its answer."""
ANSWER_S = 60.0
"""From the first byte of an answer to its last: the largest file of ours, 1.4 MB, at 24 KB/s."""


class SlowHead(Exception):
    """No whole head of a request has arrived in time."""


class Connection:
    """A socket whose reads and writes end in time. Everything else is the socket's own.

    Deadlines are for a whole part of a request: a byte now and then does not move them.
    """

    def __init__(self, client: socket) -> None:
        self._client = client
        self._between = False
        self._late: type[Exception] = SlowHead
        self._read_until = time.monotonic() + HEAD_S
        self._write_until: float | None = None

    def await_request(self, new: bool) -> None:
        """The next bytes are the head of a request. new: nobody has asked for anything on this connection yet."""
        self._between = not new
        self._late = SlowHead
        self._read_until = time.monotonic() + (HEAD_S if new else IDLE_S)

    def await_body(self) -> None:
        """The next bytes are the body of the request, whose answer is to come."""
        self._between = False
        self._late = BodyTooSlow
        self._read_until = time.monotonic() + BODY_S
        self._write_until = None

    def recv(self, size: int) -> bytes:
        """As a socket's. Raises SlowHead or BodyTooSlow."""
        with gevent.Timeout(max(self._read_until - time.monotonic(), 0.001), self._late):
            data = self._client.recv(size)
        if self._between:
            self._between = False
            self._read_until = time.monotonic() + HEAD_S
        return data

    def sendall(self, data: bytes) -> None:
        """As a socket's. Raises ConnectionResetError for a client that does not read, as for one that has gone."""
        now = time.monotonic()
        self._write_until = self._write_until or now + ANSWER_S
        gone = ConnectionResetError(errno.ECONNRESET, "the client does not read")
        with gevent.Timeout(max(self._write_until - now, 0.001), gone):
            self._client.sendall(data)

    def close(self) -> None:
        """Ends the answer, and then the connection: closed at once, what the client still sends would reset both."""
        close_graceful(self._client, LINGER_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
