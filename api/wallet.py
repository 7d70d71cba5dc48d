"""What payments from a wallet share: whose it is, and whether it can pay."""

from decimal import Decimal

from flask import current_app
from marshmallow import ValidationError

from api.auth import person
from api.errors import Problem, invalid
from api.fields import minor_units
from core.bootstrap import Core
from core.ledger import Ledger
from core.store.port import Document

SAME_WITHIN_S = 10
"""Without an idempotency key, the same again so soon is a client that asks twice, not a person who pays twice."""


def own_wallet() -> Document:
    """The wallet of who is signed in, made if it is not there."""
    core: Core = current_app.extensions["core"]
    return Ledger(core.store, core.clock).open(person().id, core.settings.wallet_currency)


def held_minor(wallet: Document) -> int:
    return sum(wallet["holds"].values())


def amount_of(amount: Decimal, currency: str, field: str = "amount") -> int:
    """The amount of a request's field in minor units. Raises Problem 422."""
    try:
        return minor_units(amount, currency)
    except ValidationError as error:
        raise invalid(field, str(error.messages[0])) from None


def afford(wallet: Document, amount: int) -> None:
    """Raises Problem 422 when it is known at once that the wallet cannot pay this.

    What is held may be given back yet; whether it is in time, the worker finds out.
    """
    if wallet["balance"] + held_minor(wallet) < amount:
        raise Problem(422, "insufficient_funds", "There is not enough in your wallet.")
