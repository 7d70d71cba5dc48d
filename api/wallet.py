"""What the routes of wallets share: whose it is, and amounts in its currency."""

from decimal import Decimal

from flask import current_app
from marshmallow import ValidationError

from api.auth import person
from api.errors import invalid
from api.fields import minor_units
from api.orders import wallet_of
from core.operation import Operation
from core.store.port import Document


def own_wallet() -> Document:
    """The wallet of who is signed in, made if it is not there."""
    return wallet_of(current_app.extensions["core"], person().id)


def is_own(operation: Operation) -> bool:
    """Whether who is signed in has asked for it."""
    return operation.subject == person().id


def amount_of(amount: Decimal, currency: str, field: str = "amount") -> int:
    """The amount of a request's field in minor units. Raises Problem 422."""
    try:
        return minor_units(amount, currency)
    except ValidationError as error:
        raise invalid(field, str(error.messages[0])) from None
