"""Clients that do not give up: each request is sent again until it is accepted."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from ops.chaos.wallets import PRICE, Payer, Wallets
from ops.stack import Stack

TWICE = 0.1
"""The share of requests that are sent by two clients at once."""
TOPIC = "chaos/clients/asked"
AGAIN_S = 0.3
PATIENCE_S = 120
"""How long one request is sent again and again: longer than all that a fault and its healing take."""
THREADS = 8


@dataclass
class Clients:
    """Ask at a steady rate until told to stop.

    accepted: the ids that were answered, top-ups too; events and moved: those of them that are events', and of money
    from wallets; errors: what nobody should ever see.
    """

    stack: Stack
    wallets: Wallets
    per_second: float
    chance: random.Random
    accepted: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    repeats: int = 0

    def __post_init__(self) -> None:
        self.accepted |= self.wallets.top_ups
        self._numbers = count(1)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, name="client") for _ in range(THREADS)]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begins no new payments, and returns when all that were begun are accepted."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number = next(self._numbers)
                twice = self.chance.random() < TWICE
            if not self._over.wait(max(0, self._began + number / self.per_second - time.monotonic())):
                asks = (self._pay, self._consult, self._send, self._pay, self._tell, self._buy)
                self._by_one_or_two(asks[number % len(asks)], number, twice)

    def _by_one_or_two(self, ask: Callable[[int], str | None], number: int, twice: bool) -> None:
        """Asks, perhaps from two sides at once: the id has to be the same."""
        ids: list[str | None] = []
        other = threading.Thread(target=lambda: ids.append(ask(number)))
        if twice:
            other.start()
        ids.append(ask(number))
        if twice:
            other.join()
        with self._lock:
            self.accepted.update(id for id in ids if id)
            if None in ids:
                self.errors.append(f"number {number} was not accepted within {PATIENCE_S} s")
            elif len(set(ids)) != 1:
                self.errors.append(f"one request became {len(set(ids))} operations: {ids}")

    def _pay(self, number: int) -> str | None:
        return self._until("/amendes/payments/", _fine(number), 202)

    def _consult(self, number: int) -> str | None:
        """Opens a consultation, and ends it."""
        who = {"physician_id": f"physician-{number}", "patient_id": f"patient-{number}"}
        id = self._until("/start", {**who, "start_date": "2026-01-01 13:00:00"}, 201, f"visit-{number}")
        return id and self._until("/end", {"id": id, "end_date": "2026-01-01 14:00:00"}, 202)

    def _tell(self, number: int) -> str | None:
        """Publishes an event."""
        uid = self._until(f"/api/event/{TOPIC}", {"number": number}, 202, f"event-{number}", "event_uid")
        with self._lock:
            self.events.update([uid] if uid else [])
        return uid

    def _send(self, number: int) -> str | None:
        """Sends money to somebody else's wallet."""
        payer, payee = self.wallets.two(number)
        body = {"to": payee.username, "amount": PRICE, "note": f"number {number}"}
        return self._moves(self._until("/v1/wallets/transfers", body, 202, f"transfer-{number}", payer=payer))

    def _buy(self, number: int) -> str | None:
        """Pays for the service from a wallet."""
        payer, _ = self.wallets.two(number)
        body = {"service_id": self.wallets.service}
        return self._moves(self._until("/v1/payments", body, 202, f"purchase-{number}", "payment_id", payer))

    def _moves(self, id: str | None) -> str | None:
        with self._lock:
            self.moved.update([id] if id else [])
        return id

    def _until(
        self,
        path: str,
        body: dict[str, Any],
        status: int,
        key: str | None = None,
        name: str = "id",
        payer: Payer | None = None,
    ) -> str | None:
        """The id that is answered with this status; None when it never is. payer: who asks, where it matters."""
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at:
            try:
                headers = {"Idempotency-Key": key} if key else {}
                if payer:
                    headers["Authorization"] = payer.authorization()
                answer = requests.post(self.stack.api + path, json=body, headers=headers, timeout=15)
                if answer.status_code == status:
                    return str(answer.json()[name])
                if answer.status_code < 500:
                    self.errors.append(f"{answer.status_code} {answer.text}")
            except requests.RequestException:
                pass  # The API is being killed; whatever it did before, the same request finds it.
            with self._lock:
                self.repeats += 1
            time.sleep(AGAIN_S)
        return None


def _fine(number: int) -> dict[str, Any]:
    """A fine of the sandbox's, at its price, for a phone that has money."""
    amount = (15000, 10000, 5000)[number % 3]
    return {
        "msisdn": f"+22507{number:06d}10",
        "currency": "XOF",
        "amount": amount,
        "amendes": [{"id": f"AM-2027-{number:06d}", "amount": amount}],
    }
