"""A small HTTP load generator. Raw sockets with keep-alive take little processor time from the measured processes."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

ADMIN_TOKEN = "the-token-of-the-administrator"
AUTHORIZED = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@dataclass
class Load:
    """The result of a load.

    seconds: its duration.
    statuses: the number of responses by status code.
    latencies_s: in seconds, in the order of completion.
    """

    seconds: float = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """The number of 202 responses."""
        return self.statuses.get(202, 0)

    @property
    def per_second(self) -> float:
        return len(self.latencies_s) / self.seconds

    def percentile_s(self, share: float) -> float:
        """Returns the latency, in seconds, that this share of the requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post(path: str, body: object, headers: Mapping[str, str] = AUTHORIZED) -> bytes:
    """Returns a POST of JSON, as bytes to send.

    headers: who sends it; default: a client with the administrator's token.
    """
    content = json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(content), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def closed_loop(port: int, requests: list[bytes], connections: int) -> Load:
    """Sends all requests to 127.0.0.1, each connection as fast as it gets answers."""
    source = iter(requests)
    return _run(port, connections, lambda: (None, next(source, None)))


def paced(
    port: int, requests: list[bytes], per_second: float, connections: int, tls: ssl.SSLContext | None = None
) -> Load:
    """Sends a request every 1/per_second seconds. Latency counts from its scheduled time, so a stall shows in full.

    tls: for a server with TLS.
    """
    started = time.perf_counter() + 0.1
    source = iter((started + index / per_second, request) for index, request in enumerate(requests))
    return _run(port, connections, lambda: next(source, (None, None)), tls)


def _run(
    port: int,
    connections: int,
    take: Callable[[], tuple[float | None, bytes | None]],
    tls: ssl.SSLContext | None = None,
) -> Load:
    load, lock = Load(), threading.Lock()

    def work() -> None:
        with _connect(port, tls) as connection:
            for latency_s, status in _exchange(connection, take, lock):
                load.latencies_s.append(latency_s)
                load.statuses[status] = load.statuses.get(status, 0) + 1

    threads = [threading.Thread(target=work) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load


def _connect(port: int, tls: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(connection, server_hostname="localhost") if tls else connection


def _exchange(
    connection: socket.socket, take: Callable[[], tuple[float | None, bytes | None]], lock: threading.Lock
) -> Iterator[tuple[float, int]]:
    while True:
        with lock:
            due, request = take()
        if request is None:
            return
        if due is not None and due > time.perf_counter():
            time.sleep(due - time.perf_counter())
        started = due or time.perf_counter()
        connection.sendall(request)
        answer = connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        yield time.perf_counter() - started, int(head[9:12])
