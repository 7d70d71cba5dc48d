"""Fields of requests: money, phones and times as people write them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from api.http.context import core
from core.errors import InvalidAmount, InvalidPhone
from core.money import MAX_MINOR, exponent, to_minor
from core.phone import DIALLED, to_e164

_DAY, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_MOMENT = re.compile(rf"{_DAY} {_TIME}|{_DAY}[Tt ]{_TIME}(\.[0-9]{{1,9}})?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,10})?")
DECIMAL_PATTERN = f"^(?=.*[1-9]){_DECIMAL.pattern}$"
"""As the description says it: in ECMA-262, and zero is no amount."""


class Amount(fields.Field[Decimal]):
    """A positive JSON number or decimal string of the currency's main unit, loaded as a Decimal."""

    default_error_messages = {"invalid": "Not a positive amount of money."}

    def __init__(self, **settings: Any) -> None:
        description = "main units, with no more decimals than the currency has"
        described = {"type": ["number", "string"], "exclusiveMinimum": 0, "maximum": MAX_MINOR}
        described |= {"pattern": DECIMAL_PATTERN, "description": description}
        super().__init__(metadata=described, **settings)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        amount = read_amount(value)
        if amount is None:
            raise self.make_error("invalid")
        return amount


def read_amount(value: Any) -> Decimal | None:
    """A JSON value as an amount of some currency's main unit, or None if it is none."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        return None
    amount = Decimal(value)
    return amount if amount.is_finite() and 0 < amount <= MAX_MINOR else None


class Text(fields.String):
    """Text without unpaired surrogates: JSON can escape them, and UTF-8 cannot encode them."""

    default_error_messages = {"half": "Contains an unpaired surrogate."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.make_error("half") from None
        return text


class Flag(fields.Boolean):
    """True or false, and nothing that stands for them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """A JSON number without a fraction: 5.0 is one in JSON Schema, and "5" is none."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.make_error("invalid", input=value)
        if isinstance(value, Decimal) and (not value.is_finite() or abs(value) > MAX_MINOR or value % 1):
            raise self.make_error("invalid", input=value)
        return int(value)


class Phone(fields.String):
    """A valid phone number in any spelling, loaded as E.164."""

    default_error_messages = {"invalid_phone": "Not a valid phone number."}

    def __init__(self, **settings: Any) -> None:
        described = {"format": "phone", "minLength": 1, "maxLength": 41, "description": "a phone, best in E.164"}
        super().__init__(metadata=described, **settings)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # A "+" that nobody escaped in a query string arrives as a space.
        text = f"+{text[1:]}" if text.startswith(" ") else text
        if not DIALLED.fullmatch(text):
            raise self.make_error("invalid_phone")
        try:
            return to_e164(text, core().settings.phone_region)
        except InvalidPhone:
            raise self.make_error("invalid_phone") from None


class OperatorName(fields.String):
    """The mobile-money operator that the client chooses, as OPERATORS names it. Without it, the phone decides."""

    def __init__(self) -> None:
        described = {"description": "the operator; default: the one that serves the phone", "example": "mtn-ci"}
        described["format"] = "operator"
        super().__init__(load_default=None, allow_none=True, validate=validate.Length(1, 64), metadata=described)


class Moment(fields.String):
    """A time that has passed, as `2020-12-01 13:00:00` (UTC) or in RFC 3339. Loaded as it is written."""

    def __init__(self, may_be_to_come: bool = False, **settings: Any) -> None:
        described = {"format": "moment", "minLength": 19, "maxLength": 35, "description": self.__doc__}
        super().__init__(metadata=described, **settings)
        self._may_be_to_come = may_be_to_come

    default_error_messages = {
        "invalid_moment": "Not a time such as 2020-12-01 13:00:00 or 2020-12-01T13:00:00Z.",
        "future": "This time is in the future.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            moment = read_moment(text)
        except ValueError:
            raise self.make_error("invalid_moment") from None
        if not self._may_be_to_come and moment > core().clock.now():
            raise self.make_error("future")
        return text


def read_moment(text: str) -> datetime:
    """A time as Moment takes it, in UTC. Raises ValueError."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(text) from None


class SetHere(fields.Raw):
    """A member that the API sets. A request may hold it empty.

    why: the error for a value that is not empty.
    empty: the values that count as empty, besides null.
    """

    def __init__(
        self, why: str = "The API sets this field.", *, empty: tuple[str | int, ...] = ("",), **settings: Any
    ) -> None:
        described = {"enum": [*empty, None], "description": "left out or empty", "writeOnly": True}
        super().__init__(metadata=described, **settings)
        self._why, self._empty = why, empty

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> None:
        if isinstance(value, bool) or value not in self._empty:
            raise ValidationError(f"{self._why} Leave it out, or send null.")


class Currency(fields.String):
    """An ISO 4217 code that this installation accepts."""

    default_error_messages = {"not_accepted": "Not an accepted currency."}

    def __init__(self, **settings: Any) -> None:
        described = {"format": "currency", "minLength": 3, "maxLength": 3, "description": "an accepted ISO 4217 code"}
        super().__init__(metadata=described, **settings)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        code = super()._deserialize(value, attr, data, **kwargs)
        if code not in core().settings.currencies:
            raise self.make_error("not_accepted")
        return code


def minor_units(amount: Decimal, currency: str) -> int:
    """The amount in minor units. Raises ValidationError when it is finer than the currency, or too large."""
    try:
        return to_minor(amount, currency)
    except InvalidAmount:
        raise ValidationError(
            f"Too many decimals, or too large: {currency} has {exponent(currency)} decimals."
        ) from None
