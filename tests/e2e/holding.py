"""An HTTP proxy before the sandbox that holds one call of each operator, so that a worker can be killed during it."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import requests
from requests import Response as Reply

NOT_FORWARDED = {"connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive"}
LONGEST_S = 60


@dataclass(frozen=True)
class Place:
    """Where a worker is killed.

    call: the number of the call, from 0; the same call again, such as a second enquiry, has the number of the first.
    answered: whether the sandbox has received the call and answered it. The worker gets no answer in either case.
    """

    call: int
    answered: bool


class HoldingProxy:
    """Forwards `/<operator>/...` to the sandbox, except the calls that it holds until `release`.

    target: the URL of the sandbox.
    prefixes: by operator, the path of its dialect at the sandbox.
    places: by operator, the call that is held; operators that are not in it are never held.
    """

    def __init__(self, target: str, prefixes: Mapping[str, str], places: Mapping[str, Place]) -> None:
        self._target, self._prefixes, self._places = target, prefixes, places
        self._calls: defaultdict[str, list[str]] = defaultdict(list)
        self._held: set[str] = set()
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="holding proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def calls(self, operator: str) -> list[str]:
        """Returns the calls of an operator in their order, as method and path, without the same call again."""
        with self._changed:
            return list(self._calls[operator])

    def wait_until_held(self, timeout_s: float) -> set[str]:
        """Waits until every place is reached. Returns the operators whose place is not reached in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._held >= self._places.keys(), timeout_s)
            return self._places.keys() - self._held

    def release(self) -> None:
        """Drops the held calls, and forwards all others from now on."""
        self._released.set()

    def forward(self, operator: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """Makes a call at the sandbox. Returns its answer, or None for a call that was held: it gets none."""
        number = self._number(operator, f"{method} {path}")
        if self._is_held(operator, Place(number, answered=False)):
            return None
        url = f"{self._target}{self._prefixes[operator]}{path}"
        answer = requests.request(method, url, headers=headers, data=body, timeout=30, allow_redirects=False)
        if self._is_held(operator, Place(number, answered=True)):
            return None
        return answer

    def _number(self, operator: str, call: str) -> int:
        with self._changed:
            calls = self._calls[operator]
            if call not in calls[-1:]:
                calls.append(call)
            return len(calls) - 1

    def _is_held(self, operator: str, place: Place) -> bool:
        if self._released.is_set() or self._places.get(operator) != place:
            return False
        with self._changed:
            self._held.add(operator)
            self._changed.notify_all()
        self._released.wait(LONGEST_S)
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                _, operator, rest = self.path.split("/", 2)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_FORWARDED}
                headers.pop("Host", None)
                answer = proxy.forward(operator, self.command, f"/{rest}", headers, body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in NOT_FORWARDED:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815 (names of http.server)

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
