"""People with money in their wallets, and a service to spend it on: there before anything goes wrong."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests

from ops.stack import Stack

PEOPLE = 5
MONEY, PRICE = 1_000_000, 100
PASSWORD = "correct horse battery"
ADMIN_TOKEN = "the token of whoever offers services".replace(" ", "-")
RENEWED_AFTER_S = 1800
"""Half of what a token lives."""
TOPPED_UP_WITHIN_S = 60


@dataclass
class Payer:
    """Somebody with a wallet."""

    stack: Stack
    username: str
    phone: str
    _token: str = ""
    _renewed_at: float = field(default=float("-inf"))

    def authorization(self) -> str:
        """The header that says who asks. Raises requests.RequestException."""
        if time.monotonic() - self._renewed_at > RENEWED_AFTER_S:
            form = {"username": self.username, "password": PASSWORD}
            answer = requests.post(f"{self.stack.api}/v1/auth/token", data=form, timeout=15)
            answer.raise_for_status()
            self._token, self._renewed_at = answer.json()["access_token"], time.monotonic()
        return f"Bearer {self._token}"


class Wallets:
    """payers: who may send money to each other; service: what they may pay for; top_ups: where their money is from."""

    def __init__(self, stack: Stack) -> None:
        """Returns when all have their money. Raises requests.RequestException, TimeoutError."""
        # The sandbox lets phones that end so pay, without a timeout.
        self.payers = [Payer(stack, f"clear-{n}", f"+22507{n:06d}01") for n in range(PEOPLE)]
        for payer in self.payers:
            who = {"username": payer.username, "password": PASSWORD, "msisdn": payer.phone}
            requests.post(f"{stack.api}/v1/auth", json=who, timeout=15).raise_for_status()
        self.service = str(
            _post(stack, "/v1/services/create", f"Bearer {ADMIN_TOKEN}", name="Permit", price=PRICE)["id"]
        )
        asked = [_post(stack, "/v1/wallets/top-up", payer.authorization(), amount=MONEY) for payer in self.payers]
        self.top_ups = {str(top_up["id"]) for top_up in asked}
        give_up_at = time.monotonic() + TOPPED_UP_WITHIN_S
        while not all(_has_money(payer) for payer in self.payers):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"not topped up within {TOPPED_UP_WITHIN_S} s")
            time.sleep(0.1)

    def two(self, number: int) -> tuple[Payer, Payer]:
        """Two of them; every pair has its turn."""
        payer, ahead = number % PEOPLE, 1 + number // PEOPLE % (PEOPLE - 1)
        return self.payers[payer], self.payers[(payer + ahead) % PEOPLE]


def _post(stack: Stack, path: str, authorization: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(stack.api + path, json=body, headers={"Authorization": authorization}, timeout=15)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _has_money(payer: Payer) -> bool:
    headers = {"Authorization": payer.authorization()}
    answer = requests.get(f"{payer.stack.api}/v1/wallets/me", headers=headers, timeout=15)
    answer.raise_for_status()
    return bool(answer.json()["balance"] == MONEY)
