"""What routes about the caller's wallet share."""

from decimal import Decimal

from marshmallow import ValidationError

from api.auth.callers import person
from api.http.context import core
from api.http.fields import minor_units
from core.errors import InvalidField
from core.operation import Operation
from core.store.port import Document


def own_wallet() -> Document:
    """The wallet of the signed-in person, made if it is not there."""
    return core().wallet_of(person().id)


def is_own(operation: Operation) -> bool:
    """Whether the signed-in person asked for it."""
    return operation.subject == person().id


def amount_of(amount: Decimal, currency: str, field: str = "amount") -> int:
    """The amount of a request's field in minor units. Raises InvalidField."""
    try:
        return minor_units(amount, currency)
    except ValidationError as error:
        raise InvalidField(field, str(error.messages[0])) from None
