"""A small HTTP load generator: kept-alive raw sockets, so that it takes little of the machine it measures."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came back: latencies in seconds in the order of completion, and bodies where they were kept."""

    seconds: float = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies_s) / self.seconds

    def percentile_s(self, share: float) -> float:
        """The latency that this share of the requests stayed within."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post(path: str, body: object) -> bytes:
    """A POST of JSON as bytes to send."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def closed_loop(port: int, requests: list[bytes], connections: int) -> Load:
    """Sends all requests as fast as they are answered, over so many connections of 127.0.0.1."""
    source = iter(requests)
    return _run(port, connections, lambda: (None, next(source, None)))


def paced(port: int, requests: list[bytes], per_second: float, connections: int) -> Load:
    """Sends a request every 1/per_second seconds. Latency counts from when it was due: a stall shows in full."""
    started = time.perf_counter() + 0.1
    source = iter((started + index / per_second, request) for index, request in enumerate(requests))
    return _run(port, connections, lambda: next(source, (None, None)))


def _run(port: int, connections: int, take: Callable[[], tuple[float | None, bytes | None]]) -> Load:
    load, lock = Load(), threading.Lock()

    def work() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
