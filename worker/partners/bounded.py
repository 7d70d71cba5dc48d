"""Answers that have one deadline: a byte now and then, in the head or in the body, does not prolong it."""

import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

LEAST_S = 0.001
"""A timeout of 0 would mean not to wait at all."""


class _Reader(io.RawIOBase):
    """What a socket receives until a moment. Raises TimeoutError from then on."""

    def __init__(self, sock: socket.socket, within_s: float) -> None:
        self._sock, self._give_up_at = sock, time.monotonic() + within_s
        self._raw: Any = sock.makefile("rb", buffering=0)  # keeps the socket open while it is read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._give_up_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(max(left_s, LEAST_S))
        return self._raw.readinto(buffer)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(http.client.HTTPResponse):
    """An answer that is there, as a whole, within the timeout that the socket has when it is waited for."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        within_s = sock.gettimeout()
        if within_s is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_Reader(sock, within_s))


class _Connection(HTTPConnection):
    response_class = BoundedResponse


class _TlsConnection(HTTPSConnection):
    response_class = BoundedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class BoundedAdapter(HTTPAdapter):
    """For a session of requests: its timeout for reading is that of a whole answer."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
