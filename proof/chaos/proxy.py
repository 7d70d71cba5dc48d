"""A TCP proxy that can swallow all traffic, or reset all its connections."""

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing the socket sends a reset."""


class FaultProxy:
    """Forwards connections to a port of 127.0.0.1. As a context manager, it resets all connections at the end.

    As a black hole it accepts connections and bytes, and forwards nothing. The bytes arrive when it is healed.

    target_port: the port to forward to.
    """

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listening.getsockname()[1]
        self._passing = threading.Event()
        self._passing.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="fault proxy", daemon=True).start()

    def swallow(self) -> None:
        """Makes the proxy a black hole."""
        self._passing.clear()

    def heal(self) -> None:
        """Forwards again, starting with the swallowed bytes."""
        self._passing.set()

    def cut(self) -> None:
        """Resets every connection."""
        with self._lock:
            cut, self._open = self._open, set()
        for connection in cut:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.heal()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._passing.wait()
        try:
            target = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        target.settimeout(None)
        with self._lock:
            self._open |= {client, target}
        threading.Thread(target=self._forward, args=(target, client), daemon=True).start()
        self._forward(client, target)

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                self._passing.wait()
                sink.sendall(chunk)
        for connection in (source, sink):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        with self._lock:
            self._open -= {source, sink}
