"""Webhooks: how soon a receiver gets the end of a payment, and what one that never answers costs the others."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from types import TracebackType
from typing import Self

import requests

from bench.load import paced
from bench.report import Figure
from bench.setups import PATIENCE_S, POLL_S, Bench, InvalidMeasurement, drain, payments
from core.clock import SystemClock
from core.identity.api_keys import ApiKeys
from devtools.stack import Stack
from products.webhooks.rights import SCOPE, SCOPE_ALL

PER_SECOND, LOAD_S, WARM_UP_S = 50, 20, 2
ROUNDS = 3
BESIDE_PER_SECOND, BESIDE_S, BESIDE_WARM_UP_S = 10, 25, 5
"""Long enough for calls of the black hole to reach their limit, time out, and open its circuit."""
TIMEOUT_S = 10


class Receiver:
    """Takes events on a free port. ends_s: how long after each payment's end it came, in order, in seconds."""

    def __init__(self) -> None:
        self.ends_s: list[float] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response_only(204)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def take(self, body: bytes) -> None:
        took_s = time.time() - datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp()
        with self._lock:
            self.ends_s.append(took_s)

    def wait(self, number: int) -> None:
        """Raises InvalidMeasurement unless so many payments' ends have come, each once."""
        give_up_at = time.monotonic() + PATIENCE_S
        while len(self.ends_s) < number and time.monotonic() < give_up_at:
            time.sleep(POLL_S)
        if len(self.ends_s) != number:
            raise InvalidMeasurement(f"{number} payments have ended, and {len(self.ends_s)} events came")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures a load with one receiver, and then pairs beside a black hole and without it, in turn."""
    per_second = bench.size(PER_SECOND, 10)
    times_s = sorted(_told(bench, per_second, bench.size(LOAD_S, 1), bench.size(WARM_UP_S, 0), black_hole=False))
    p99_s = times_s[min(len(times_s) - 1, int(0.99 * len(times_s)))]
    note = f"{per_second} payments a second; p50 {median(times_s) * 1000:.0f} ms; {len(times_s)} events"
    yield Figure("webhooks: p99 from the end to the receiver", p99_s, 1, "s", at_most=True, note=note)

    def p50_ms(black_hole: bool) -> float:
        load_s, warm_up_s = bench.size(BESIDE_S, 1), bench.size(BESIDE_WARM_UP_S, 0)
        return median(_told(bench, BESIDE_PER_SECOND, load_s, warm_up_s, black_hole)) * 1000

    pairs = [(p50_ms(black_hole=True), p50_ms(black_hole=False)) for _ in range(bench.size(ROUNDS, 1))]
    listed = ", ".join(f"{beside:.1f}/{alone:.1f} ms" for beside, alone in pairs)
    yield Figure(
        "webhooks: p50 of one client's events, beside a black hole / alone",
        median(beside / alone for beside, alone in pairs), 1.2, "x", at_most=True,
        note=f"{listed}; {BESIDE_PER_SECOND} payments a second",
    )  # fmt: skip


def _told(bench: Bench, per_second: int, load_s: int, warm_up_s: int, black_hole: bool) -> list[float]:
    """Returns how long after each payment's end its event came, in seconds.

    load_s: seconds of load, of which the first `warm_up_s` do not count.
    black_hole: whether another client's receiver takes connections and answers nothing.
    """
    settings = {"WEBHOOK_TIMEOUT_S": str(bench.size(TIMEOUT_S, 1))}
    with (
        bench.stack(settings) as running,
        Receiver() as receiver,
        socket.create_server(("127.0.0.1", 0), backlog=4096) as hole,
    ):
        running.start()
        _listen(running, "B", receiver.url)
        if black_hole:
            _listen(running, "A", f"http://127.0.0.1:{hole.getsockname()[1]}/hooks")
        number = per_second * load_s
        accepted = paced(running.api_port, payments(number), per_second, 4).accepted
        found = drain(running, accepted)
        receiver.wait(len(found))
    return receiver.ends_s[warm_up_s * per_second :]


def _listen(running: Stack, name: str, url: str) -> None:
    """Makes an endpoint for the ends of everybody's payments, of a client of its own."""
    store = running.open_store()
    _, key = ApiKeys(store, SystemClock()).create(name, frozenset({SCOPE, SCOPE_ALL}))
    store.close()
    asked = {"url": url, "types": ["payment.succeeded", "payment.failed"], "everybody": True}
    headers = {"Authorization": f"Bearer {key}"}
    requests.post(f"{running.api}/v1/webhooks/endpoints", json=asked, headers=headers, timeout=30).raise_for_status()
