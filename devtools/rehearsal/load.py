"""Clients that pay all the time, and repeat a request until it is accepted, as every client must."""

import threading
import time
from itertools import count
from typing import Any, Self

import requests

API = "http://127.0.0.1:8080"
PERIOD_S = 0.5
SETTLING_S = 300.0
UNFINISHED = {"accepted", "processing", "in_doubt"}
FINE = 15000
"""What a fine of the sandbox costs whose number is a multiple of 3."""


class Load:
    """Payments, one after the other, while the context lasts.

    accepted: the addresses of the payments that were answered 202.
    repeats: the requests that were sent again.
    silence_s: the longest time between two answers 202.
    """

    numbers = count(1000)

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.repeats = 0
        self.silence_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pay_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def statuses(self) -> dict[str, int]:
        """Returns how many payments ended in which status, once all have ended or SETTLING_S are over."""
        deadline = time.monotonic() + SETTLING_S
        found: dict[str, int] = {}
        for url in self.accepted:
            while (status := _status(url)) in UNFINISHED and time.monotonic() < deadline:
                pass
            found[status] = found.get(status, 0) + 1
        return found

    def _pay_on(self) -> None:
        last = time.monotonic()
        for number in self.numbers:
            body = _body(number)
            while not (url := _ask(body)):
                if self._stop.wait(PERIOD_S):
                    return
                self.repeats += 1
            self.accepted.append(url)
            self.silence_s = max(self.silence_s, time.monotonic() - last)
            last = time.monotonic()
            if self._stop.wait(PERIOD_S):
                return


def _body(number: int) -> dict[str, Any]:
    fines = [{"id": f"AM-2026-{3 * number:06d}", "amount": FINE}]
    return {"msisdn": f"+22507{number:06d}50", "currency": "XOF", "amount": FINE, "amendes": fines}


def _ask(body: dict[str, Any]) -> str | None:
    """Returns the address of the payment, or None if it was not accepted this time."""
    try:
        answer = requests.post(f"{API}/amendes/payments/", json=body, timeout=30)
    except requests.RequestException:
        return None
    if answer.status_code >= 500:
        return None
    assert answer.status_code == 202, answer.text
    return str(answer.json()["status_url"])


def _status(url: str) -> str:
    return str(requests.get(url, headers={"Prefer": "wait=5"}, timeout=30).json()["status"])
