"""A receiver of webhooks in the process of a test: it verifies what comes, and keeps it."""

import json
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

import jsonschema
from standardwebhooks.webhooks import Webhook

from products.webhooks.catalogue import schema

Event = dict[str, Any]
BODIES = jsonschema.Draft202012Validator(schema())
LONGEST_S = 60


class Receiver:
    """Listens on a free port of 127.0.0.1.

    secret: set it before the first event comes. had: bodies by `webhook-id`; wrong: what could not be verified.
    answers: called with each event, and returns the status of the answer.
    """

    def __init__(self, answers: Callable[[Event], int] = lambda _: 204) -> None:
        self.secret = ""
        self.had: defaultdict[str, list[bytes]] = defaultdict(list)
        self.wrong: list[str] = []
        self.events: Queue[Event] = Queue()
        self._answers, self._lock = answers, Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(body, dict(self.headers))
                self.send_response_only(status)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            event: Event = Webhook(self.secret).verify(body, headers)
            BODIES.validate(event)
        except Exception as error:  # whatever it is, the test has to hear of it
            self.wrong.append(f"{error!r}: {body!r}")
            return 400
        with self._lock:
            self.had[headers["webhook-id"]].append(body)
        self.events.put(event)
        return self._answers(event)

    def statuses(self, id: str, until: str) -> list[str]:
        """Those that came for an operation, in the order of their versions, as soon as one of them is this."""
        while until not in (found := self._statuses(id)):
            self.events.get(timeout=LONGEST_S)
        return found

    def _statuses(self, id: str) -> list[str]:
        with self._lock:
            events = [json.loads(bodies[0]) for bodies in self.had.values()]
        own = (event["data"] for event in events if event["data"]["id"] == id)
        return [data["status"] for data in sorted(own, key=lambda data: int(data["version"]))]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
