"""Money: integers of the currency's minor unit inside, decimal numbers of its main unit outside. Never a float.

Exponents are those of ISO 4217 (XOF has none, BRL two, KWD three).
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import cache

from iso4217 import Currency

from core.errors import InvalidAmount, UnknownCurrency

MAX_MINOR = 10**13
"""The largest amount of one request, in minor units: far below the 64 bits of a stored integer."""

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
"""Raises instead of rounding money."""


@cache
def exponent(currency: str) -> int:
    """How many decimals the currency has. Raises UnknownCurrency."""
    try:
        places = Currency(currency).exponent
    except ValueError:
        raise UnknownCurrency(currency=currency) from None
    if places is None:  # Gold, test codes and the like are in the list and have no unit to pay in.
        raise UnknownCurrency(currency=currency)
    return int(places)


def to_minor(amount: Decimal | int | str, currency: str) -> int:
    """A positive amount of the main unit as minor units: ("12.5", "BRL") is 1250.

    Raises UnknownCurrency, and InvalidAmount when it is no number, not above zero, above MAX_MINOR or finer than the
    currency.
    """
    places = exponent(currency)
    try:
        value = Decimal(amount)
        if value.is_finite() and 0 < value <= MAX_MINOR:
            minor = _EXACT.to_integral_exact(_EXACT.scaleb(value, places))
            if minor <= MAX_MINOR:
                return int(minor)
    except (ArithmeticError, ValueError):
        pass
    raise InvalidAmount(amount=str(amount)[:40])


def read_price(text: str) -> tuple[int, str]:
    """Minor units and currency: "200.00 BRL" is (20000, "BRL"). Raises InvalidAmount, UnknownCurrency."""
    amount, _, currency = text.partition(" ")
    return to_minor(amount, currency), currency


def exceeds(limits: list[str], minor: int, currency: str) -> bool:
    """Whether an amount is above the limit of its currency: always, in one without a limit. limits: as `read_price`."""
    return minor > {code: most for most, code in map(read_price, limits)}.get(currency, 0)


def format_minor(minor: int, currency: str) -> str:
    """Minor units as a decimal string of the main unit: (1250, "BRL") is "12.50"."""
    return str(Decimal(minor).scaleb(-exponent(currency)))


def to_number(minor: int, currency: str) -> int | float:
    """Minor units as a JSON number of the main unit. Exact: MAX_MINOR has fewer digits than a double keeps."""
    return minor if exponent(currency) == 0 else float(format_minor(minor, currency))
