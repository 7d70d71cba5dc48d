"""Payers who confirm on the pages that operators send them to."""

import threading
from contextlib import suppress
from typing import Any, Self

import requests

from core.operation import TERMINAL, Status

LOOKS_EVERY_S = 0.1
TIMEOUT_S = 10


class Payers:
    """Looks at payments, and confirms each on the operator's page as soon as its status names one.

    As a context manager, it stops at the end.
    """

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="payers")

    def add(self, status_url: str) -> None:
        """Has a payment confirmed. The same one may be added again."""
        with self._lock:
            self._waiting.add(status_url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOKS_EVERY_S):
            with self._lock:
                waiting = list(self._waiting)
            for url in waiting:
                # The API or the sandbox may be down just now: the payer tries again.
                with suppress(requests.RequestException):
                    self._look(url)

    def _look(self, url: str) -> None:
        shown = requests.get(url, timeout=TIMEOUT_S)
        shown.raise_for_status()
        payment: dict[str, Any] = shown.json()
        if payment["status"] in TERMINAL or payment["status"] == Status.NEEDS_REVIEW:
            with self._lock:
                self._waiting.discard(url)
        elif page := (payment["next_action"] or {}).get("url"):
            requests.post(page, data={"action": "confirm"}, timeout=TIMEOUT_S, allow_redirects=False)
