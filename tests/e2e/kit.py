"""What a client does: asks for payments and waits for how they end."""

import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from ops.stack import ROOT, Stack

FAST = {
    "MOCK_LATENCY_MAX_S": "0.1",
    "MOCK_TIMEOUT_RATE": "0",
    "MOCK_VERIFY_FAIL_RATE": "0",
    "MOCK_BLACKLIST_FAIL_RATE": "0",
    "MOCK_LATE_MAX_S": "1.5",
    "MOCK_PENDING_S": "2",
    "PARTNER_TIMEOUT_S": "1.5",
    "SETTLE_WINDOW_S": "3",
    "ADMIN_TOKEN": "operator-token",
    "SECRET_KEY": "a secret of the tests, long enough to sign with".replace(" ", "-"),
}
ENDED = {"succeeded", "partially_succeeded", "refunded", "failed", "needs_review"}
AMOUNTS = (15000, 10000, 5000)
"""What fines of the sandbox cost, by their number modulo 3."""

Json = dict[str, Any]


def ops(*arguments: str, timeout_s: float = 100, **environment: str) -> subprocess.CompletedProcess[str]:
    """A module of ours run as a command, with these settings and no others."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s)


@dataclass
class Payments:
    stack: Stack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def body(self, phone: str, *fines: str) -> Json:
        """A request to pay these fines (or a fresh one) from a phone."""
        ids = fines or (f"AM-2026-{next(self.numbers):06d}",)
        listed = [{"id": id, "amount": AMOUNTS[int(id[-6:]) % 3]} for id in ids]
        return {
            "msisdn": phone,
            "currency": "XOF",
            "amount": sum(fine["amount"] for fine in listed),
            "amendes": listed,
        }

    def ask(self, body: Json, **headers: str) -> requests.Response:
        return requests.post(f"{self.stack.api}/amendes/payments/", json=body, headers=headers, timeout=30)

    def end(self, answer: requests.Response, longest_s: int = 60) -> Json:
        """The payment once it has ended."""
        assert answer.status_code == 202, answer.text
        for _ in range(longest_s // 5):
            payment: Json = requests.get(answer.json()["status_url"], headers={"Prefer": "wait=5"}, timeout=30).json()
            if payment["status"] in ENDED:
                return payment
        raise AssertionError(f"not ended within {longest_s} s: {payment}")

    def pay(self, phone: str, *fines: str) -> Json:
        return self.end(self.ask(self.body(phone, *fines)))

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
