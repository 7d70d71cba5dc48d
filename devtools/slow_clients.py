"""Clients that hold connections on purpose: half a head, half a body, an answer that is not read, or nothing at all."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

HEAD = b"POST /amendes/payments/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LARGE = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
KINDS = {
    "half head": HEAD + b"X-Slow: ",
    "half body": HEAD + b'Content-Length: 60000\r\n\r\n{"msisdn": ',
    "not reading": LARGE,
    "silent": b"",
}
"""What each kind sends, before it sends no more."""
FROM = "127.0.0.{}"
FIRST, ADDRESSES = 2, 5
"""They come from a few addresses of this machine, and never from 127.0.0.1."""
CONNECT_S = 10.0


@contextmanager
def slow_clients(port: int, count: int, tls: ssl.SSLContext | None = None) -> Iterator[list[socket.socket]]:
    """Holds `count` connections to 127.0.0.1, of all kinds in turn. Yields those that the server accepted.

    tls: None for a server without TLS. Silent clients do not even begin it.
    """
    with ExitStack() as held:
        opened = []
        for number in range(count):
            sent = list(KINDS.values())[number % len(KINDS)]
            address = FROM.format(FIRST + number // len(KINDS) % ADDRESSES)
            with suppress(OSError):
                opened.append(held.enter_context(_open(port, address, sent, tls)))
        yield opened


def _open(port: int, address: str, sent: bytes, tls: ssl.SSLContext | None) -> socket.socket:
    client = socket.socket()
    try:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(CONNECT_S)
        client.bind((address, 0))
        client.connect(("127.0.0.1", port))
        if sent and tls:
            client = tls.wrap_socket(client, server_hostname="localhost")
        if sent:
            client.sendall(sent)
    except OSError:
        client.close()
        raise
    return client
