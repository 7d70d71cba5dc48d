"""What a client does: asks for payments and waits for how they end."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import requests

from devtools.stack import ROOT, Stack

FAST = {
    "MOCK_LATENCY_MAX_S": "0.1",
    "MOCK_TIMEOUT_RATE": "0",
    "MOCK_VERIFY_FAIL_RATE": "0",
    "MOCK_BLACKLIST_FAIL_RATE": "0",
    "MOCK_LATE_MAX_S": "1.5",
    "MOCK_PENDING_S": "2",
    "PARTNER_TIMEOUT_S": "1.5",
    "SETTLE_WINDOW_S": "3",
    "OPEN_DEBITS_PER_PHONE": "1000000",
    "DEBITS_PER_PHONE_PER_HOUR": "1000000",
    "ALLOW_HTTP_WEBHOOKS": "1",
    "ALLOW_PRIVATE_WEBHOOKS": "1",
    "RATE_LIMITS": "off",
    "ADMIN_TOKEN": "operator-token",
    "SECRET_KEY": "a secret of the tests, long enough to sign with".replace(" ", "-"),
    "PIN_PEPPER": "a pepper of the tests, long enough to mix in".replace(" ", "-"),
}
ENDED = {"succeeded", "partially_succeeded", "refunded", "failed", "needs_review"}
AMOUNTS = (15000, 10000, 5000)
"""What fines of the sandbox cost, by their number modulo 3."""

Json = dict[str, Any]

SETUPS = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("embedded")),
    pytest.param("production", marks=pytest.mark.xdist_group("rabbitmq")),
]
"""Fixtures of conftest.py, which `payments` uses in turn."""
EVERY_SETUP = pytest.mark.parametrize(
    "payments", [*SETUPS, pytest.param("production_sql", marks=pytest.mark.xdist_group("rabbitmq"))], indirect=True
)
"""For a test that also runs on PostgreSQL: one for each way in which the store decides."""


def ops(
    *arguments: str, timeout_s: float = 100, typed: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A module of ours run as a command, with these settings and no others."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment or {}, capture_output=True, text=True, timeout=timeout_s, input=typed
    )


@dataclass
class Payments:
    stack: Stack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def body(self, phone: str, *fines: str, currency: str = "XOF") -> Json:
        """A request to pay these fines (or a fresh one) from a phone."""
        city = "AM" if currency == "XOF" else currency
        ids = fines or (f"{city}-2026-{next(self.numbers):06d}",)
        listed = [{"id": id, "amount": AMOUNTS[int(id[-6:]) % 3]} for id in ids]
        return {
            "msisdn": phone,
            "currency": currency,
            "amount": sum(fine["amount"] for fine in listed),
            "amendes": listed,
        }

    def ask(self, body: Json, **headers: str) -> requests.Response:
        return requests.post(f"{self.stack.api}/amendes/payments/", json=body, headers=headers, timeout=30)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        return requests.get(self.stack.api + path, headers=headers, timeout=30)

    def post(self, path: str, body: Json, headers: Mapping[str, str] | None = None) -> requests.Response:
        return requests.post(self.stack.api + path, json=body, headers=headers, timeout=30)

    def follow(self, answer: requests.Response, etag: str) -> requests.Response:
        """How an accepted operation stands, as soon as it is no more as this ETag says."""
        headers = {"Prefer": "wait=5", "If-None-Match": etag} if etag else {}
        for _ in range(12):
            shown = requests.get(answer.json()["status_url"], headers=headers, timeout=30)
            if shown.status_code != 304:
                return shown
        raise AssertionError("nothing has changed for a minute")

    def end(self, answer: requests.Response, longest_s: int = 60, headers: Mapping[str, str] | None = None) -> Json:
        """The payment once it has ended."""
        assert answer.status_code == 202, answer.text
        headers = {"Prefer": "wait=5", **(headers or {})}
        for _ in range(longest_s // 5):
            payment: Json = requests.get(answer.json()["status_url"], headers=headers, timeout=30).json()
            if payment["status"] in ENDED:
                return payment
        raise AssertionError(f"not ended within {longest_s} s: {payment}")

    def pay(self, phone: str, *fines: str) -> Json:
        return self.end(self.ask(self.body(phone, *fines)))

    def audit(self) -> Json:
        """What the audit finds, which has to be nothing wrong."""
        truth = f"{self.stack.mock_api}/_truth"
        done = ops("ops", "audit", "--json", "--truth", truth, environment=self.stack.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        found: Json = json.loads(done.stdout)
        return found

    def script(self, *faults: Json) -> None:
        """Has the sandbox answer its next calls so."""
        requests.post(f"{self.stack.mock_api}/_faults", json=list(faults), timeout=10).raise_for_status()

    def truth(self, payment: Json) -> dict[str, list[Json]]:
        """What really happened at the partners for a payment: debits, refunds and fines."""
        truth = requests.get(f"{self.stack.mock_api}/_truth", timeout=30).json()
        return {
            name: [effect for effect in truth[name] if effect["request_id"].startswith(payment["id"])]
            for name in ("debits", "refunds", "fines")
        }

    def effects(self, payment: Json) -> tuple[list[str], list[str], list[str]]:
        """Amounts debited, amounts refunded, and fines settled."""
        truth = self.truth(payment)
        return (
            [effect["amount"] for effect in truth["debits"]],
            [effect["amount"] for effect in truth["refunds"]],
            sorted(effect["id"] for effect in truth["fines"]),
        )


@dataclass
class Person:
    """Somebody with a wallet, who is signed in."""

    payments: Payments
    username: str
    phone: str | None = None
    password: str = "correct horse battery"
    registers: bool = True

    def __post_init__(self) -> None:
        if self.registers:
            who = {"username": self.username, "password": self.password, "msisdn": self.phone}
            answer = requests.post(f"{self.payments.stack.api}/v1/auth", json=who, timeout=30)
            assert answer.status_code == 201, answer.text
        answer = self.sign_in(self.password)
        assert answer.status_code == 200, answer.text
        self.token: str = answer.json()["access_token"]

    def sign_in(self, password: str) -> requests.Response:
        form = {"username": self.username, "password": password}
        return requests.post(f"{self.payments.stack.api}/v1/auth/token", data=form, timeout=30)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.payments.stack.api + path, headers=self._headers, timeout=30)

    def ask(self, path: str, body: Json, key: str | None = None) -> requests.Response:
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        return requests.post(self.payments.stack.api + path, json=body, headers=headers, timeout=60)

    def end(self, answer: requests.Response) -> Json:
        """What was asked for once it has ended."""
        return self.payments.end(answer, headers=self._headers)

    def top_up(self, amount: int) -> None:
        assert self.end(self.ask("/v1/wallets/top-up", {"amount": amount}))["status"] == "succeeded"

    def money(self) -> tuple[float, float]:
        """What may be spent, and what is held."""
        wallet = self.get("/v1/wallets/me").json()
        return float(wallet["balance"]), float(wallet["held"])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
