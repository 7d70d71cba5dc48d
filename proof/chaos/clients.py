"""Clients that repeat each request until it is accepted."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import requests

from core.operation import TERMINAL, Status
from devtools.stack import Stack
from proof.chaos.operators import MARKETS, PAYING_OUT, Market
from proof.chaos.payers import Payers
from proof.chaos.wallets import ADMIN_TOKEN, PRICE, Wallets

DOUBLED_SHARE = 0.1
"""The share of requests that two clients send at once."""
TOPIC = "chaos/clients/sent"
REPEAT_AFTER_S = 0.3
PATIENCE_S = 120
"""How long one request is repeated: longer than any fault and the recovery from it."""
THREADS = 8
MIN_REQUESTS = 150
"""Requests that are sent in any case, on a slow machine or in a short run too."""
REFUSED_EVERY = 4
"""One in so many fines of each operator is cancelled after the debit, so that the money is given back."""
CANCELLED_MEANWHILE = 990_004
"""The number of such a fine in the sandbox's registry: there is one each year."""
AMOUNTS = (15000, 10000, 5000)
"""What fines of the sandbox cost, by their number modulo 3."""
PAYOUT = 500
YEAR_GIVEN_BACK, FIRST_GIVEN_BACK = 2028, 50_000
"""Of the fines whose payments are given back, and of the phones that pay them."""
GIVING_BACK = tuple(market for market in PAYING_OUT if not market.redirects)


def _machine() -> str:
    """Authorizes a machine client, such as a clinic's."""
    return f"Bearer {ADMIN_TOKEN}"


@dataclass
class Clients:
    """Clients that send requests at a steady rate until they are stopped.

    payers: confirm on the pages of operators.
    per_second: requests a second.
    accepted: the ids of accepted operations, including top-ups.
    events: those of them that publish an event.
    moved: those of them that move money from a wallet.
    errors: answers that no client should get.
    repeats: requests that were sent again.
    """

    stack: Stack
    wallets: Wallets
    payers: Payers
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
        """Sends no new request beyond MIN_REQUESTS, and returns when all requests are accepted."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        number = 0
        while not self._over.is_set() or number < MIN_REQUESTS:
            with self._lock:
                number = next(self._numbers)
                twice = self.chance.random() < DOUBLED_SHARE
            over = self._over.wait(max(0, self._began + number / self.per_second - time.monotonic()))
            if not over or number <= MIN_REQUESTS:
                self._by_one_or_two(self._request(number), number, twice)

    def _request(self, number: int) -> Callable[[], str | None]:
        """Returns the request of this number. Each sort counts its own from 0, so that every operator has its turn."""
        turns = (
            *(self._pay, self._consult, self._send, self._pay),
            *(self._publish, self._pay, self._buy, self._pay_out),
            *(self._pay, self._give_back),
        )
        before, rank = divmod(number, len(turns))
        request = turns[rank]
        return partial(request, before * turns.count(request) + turns[:rank].count(request))

    def _by_one_or_two(self, request: Callable[[], str | None], number: int, twice: bool) -> None:
        """Makes a request, if `twice` from two clients at once: both must get the same id."""
        ids: list[str | None] = []
        other = threading.Thread(target=lambda: ids.append(request()))
        if twice:
            other.start()
        ids.append(request())
        if twice:
            other.join()
        with self._lock:
            self.accepted.update(id for id in ids if id)
            if None in ids:
                self.errors.append(f"number {number} was not accepted within {PATIENCE_S} s")
            elif len(set(ids)) != 1:
                self.errors.append(f"one request became {len(set(ids))} operations: {ids}")

    def _pay(self, number: int) -> str | None:
        """Pays a fine, with a key: a payment whose money was given back could be made again without one."""
        market = MARKETS[number % len(MARKETS)]
        id = self._repeat_until_accepted("/amendes/payments/", _fine(number, market), 202, f"fine-{number}")
        if id and market.redirects:
            self.payers.add(f"{self.stack.api}/amendes/payments/{id}")
        return id

    def _pay_out(self, number: int) -> str | None:
        """Pays money to a phone."""
        market = PAYING_OUT[number % len(PAYING_OUT)]
        body = {"msisdn": market.phone(number), "amount": PAYOUT, "currency": market.currency}
        return self._repeat_until_accepted("/v1/payouts", body, 202, f"payout-{number}")

    def _give_back(self, number: int) -> str | None:
        """Pays a fine and, once it is paid, gives it back, every second time in part."""
        market = GIVING_BACK[number % len(GIVING_BACK)]
        body = _fine(FIRST_GIVEN_BACK + number, market, YEAR_GIVEN_BACK)
        id = self._repeat_until_accepted("/amendes/payments/", body, 202, f"fine-given-back-{number}")
        if id is None:
            return None
        with self._lock:
            self.accepted.add(id)
        if not self._succeeds(id):
            return id
        part = {"amount": body["amount"] // 2} if number // len(GIVING_BACK) % 2 else {}
        refund = {"reason": "paid for another vehicle", **part}
        return self._repeat_until_accepted(f"/v1/operations/{id}/refunds", refund, 202, f"refund-{number}")

    def _succeeds(self, id: str) -> bool:
        """Waits until a payment has ended. Returns whether it has succeeded."""
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at:
            with suppress(requests.RequestException):
                response = requests.get(f"{self.stack.api}/amendes/payments/{id}", timeout=15)
                if response.status_code == 200 and response.json()["status"] in TERMINAL:
                    return bool(response.json()["status"] == Status.SUCCEEDED)
            time.sleep(REPEAT_AFTER_S)
        return False

    def _consult(self, number: int) -> str | None:
        """Opens a consultation, and ends it."""
        who = {"physician_id": f"physician-{number}", "patient_id": f"patient-{number}"}
        start, key = {**who, "start_date": "2026-01-01 13:00:00"}, f"visit-{number}"
        id = self._repeat_until_accepted("/start", start, 201, key)
        end = {"id": id, "end_date": "2026-01-01 14:00:00"}
        return id and self._repeat_until_accepted("/end", end, 202)

    def _publish(self, number: int) -> str | None:
        """Publishes an event."""
        uid = self._repeat_until_accepted(
            f"/api/event/{TOPIC}", {"number": number}, 202, f"event-{number}", "event_uid"
        )
        with self._lock:
            self.events.update([uid] if uid else [])
        return uid

    def _send(self, number: int) -> str | None:
        """Sends money to another person's wallet."""
        payer, payee = self.wallets.two(number)
        body = {"to": payee.username, "amount": PRICE, "note": f"number {number}"}
        return self._add_moved(
            self._repeat_until_accepted(
                "/v1/wallets/transfers", body, 202, f"transfer-{number}", caller=payer.authorization
            )
        )

    def _buy(self, number: int) -> str | None:
        """Pays for the service from a wallet."""
        payer, _ = self.wallets.two(number)
        body = {"service_id": self.wallets.service}
        return self._add_moved(
            self._repeat_until_accepted(
                "/v1/payments", body, 202, f"purchase-{number}", "payment_id", payer.authorization
            )
        )

    def _add_moved(self, id: str | None) -> str | None:
        with self._lock:
            self.moved.update([id] if id else [])
        return id

    def _repeat_until_accepted(
        self,
        path: str,
        body: dict[str, Any],
        status: int,
        key: str | None = None,
        name: str = "id",
        caller: Callable[[], str] = _machine,
    ) -> str | None:
        """Repeats a POST until its response has this status. Returns the id in it, or None if none comes in time.

        key: the idempotency key.
        name: the field of the response that holds the id.
        caller: makes the value of Authorization, which may need a sign-in; default: a machine's token.
        """
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at:
            try:
                headers = {"Idempotency-Key": key} if key else {}
                headers["Authorization"] = caller()
                response = requests.post(self.stack.api + path, json=body, headers=headers, timeout=15)
                if response.status_code == status:
                    return str(response.json()[name])
                if response.status_code < 500:
                    self.errors.append(f"{response.status_code} {response.text}")
            except requests.RequestException:
                pass  # The API is being killed. If it accepted the request, a repeat finds the operation.
            with self._lock:
                self.repeats += 1
            time.sleep(REPEAT_AFTER_S)
        return None


def _fine(number: int, market: Market, year: int = 2027) -> dict[str, Any]:
    """Returns the payment of one fine of the sandbox, from a phone with money.

    year: of the fine's number; in YEAR_GIVEN_BACK no fine is refused.
    """
    is_refused = market.refunds and year != YEAR_GIVEN_BACK and number // len(MARKETS) % REFUSED_EVERY == 0
    city = market.city
    id = f"{city}-{1000 + number % 9000}-{CANCELLED_MEANWHILE}" if is_refused else f"{city}-{year}-{number:06d}"
    amount = AMOUNTS[int(id[-6:]) % 3]
    return {
        "msisdn": market.phone(number),
        "currency": market.currency,
        "amount": amount,
        "amendes": [{"id": id, "amount": amount}],
    }
