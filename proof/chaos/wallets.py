"""Creates people with money in their wallets, and a service to pay for, before any fault happens."""

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests

from devtools.stack import Stack
from proof.chaos.operators import CLEAR, WITH_WALLETS

PEOPLE = 5
OPENING_BALANCE, PRICE = 1_000_000, 100
"""In XOF, which has no smaller unit."""
PASSWORD = "correct horse battery"
ADMIN_TOKEN = "the-token-of-the-administrator"
RENEWED_AFTER_S = 1800
"""Half of a token's lifetime."""
TOPPED_UP_WITHIN_S = 60


@dataclass
class Payer:
    """A person with a wallet."""

    stack: Stack
    username: str
    phone: str
    _token: str = ""
    _renewed_at: float = field(default=float("-inf"))

    def authorization(self) -> str:
        """Returns the Authorization header, signing in when the token is old. Raises requests.RequestException."""
        if time.monotonic() - self._renewed_at > RENEWED_AFTER_S:
            form = {"username": self.username, "password": PASSWORD}
            response = requests.post(f"{self.stack.api}/v1/auth/token", data=form, timeout=15)
            response.raise_for_status()
            self._token, self._renewed_at = response.json()["access_token"], time.monotonic()
        return f"Bearer {self._token}"


class Wallets:
    """The people and the service of a run.

    payers: the people, who send money to each other.
    service: the id of the service that they pay for.
    top_ups: the ids of the operations that filled their wallets.
    """

    def __init__(self, stack: Stack) -> None:
        """Registers the people and fills their wallets. Raises requests.RequestException, TimeoutError."""
        self.payers = [Payer(stack, f"clear-{n}", _phone(n)) for n in range(PEOPLE)]
        for payer in self.payers:
            who = {"username": payer.username, "password": PASSWORD, "msisdn": payer.phone}
            requests.post(f"{stack.api}/v1/auth", json=who, timeout=15).raise_for_status()
        self.service = str(
            _post(stack, "/v1/services/create", f"Bearer {ADMIN_TOKEN}", name="Permit", price=PRICE)["id"]
        )
        top_ups = [
            _post(stack, "/v1/wallets/top-up", payer.authorization(), amount=OPENING_BALANCE) for payer in self.payers
        ]
        self.top_ups = {str(top_up["id"]) for top_up in top_ups}
        give_up_at = time.monotonic() + TOPPED_UP_WITHIN_S
        while not all(_has_money(payer) for payer in self.payers):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"not topped up within {TOPPED_UP_WITHIN_S} s")
            time.sleep(0.1)

    def two(self, number: int) -> tuple[Payer, Payer]:
        """Returns a payer and a payee. Every pair has its turn as `number` counts up."""
        payer, ahead = number % PEOPLE, 1 + number // PEOPLE % (PEOPLE - 1)
        return self.payers[payer], self.payers[(payer + ahead) % PEOPLE]


def _phone(number: int) -> str:
    """Returns a phone that pays without a timeout and without a page, at each operator of this currency in turn."""
    return WITH_WALLETS[number % len(WITH_WALLETS)].phone(number, CLEAR)


def _post(stack: Stack, path: str, authorization: str, **body: Any) -> dict[str, Any]:
    response = requests.post(stack.api + path, json=body, headers={"Authorization": authorization}, timeout=15)
    response.raise_for_status()
    content: dict[str, Any] = response.json()
    return content


def _has_money(payer: Payer) -> bool:
    headers = {"Authorization": payer.authorization()}
    response = requests.get(f"{payer.stack.api}/v1/wallets/me", headers=headers, timeout=15)
    response.raise_for_status()
    return Decimal(response.json()["balance"]) == OPENING_BALANCE
