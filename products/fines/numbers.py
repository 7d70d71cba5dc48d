"""Numbers of fines on a keypad that has digits only: the digits are put into the pattern of FINE_NUMBER_PATTERN."""

import re

from products.fines.contract import FINE_ID, PLACE


class WrongCount(Exception):
    """There are more or fewer digits than places in the pattern."""


def example_of(pattern: str) -> str:
    """The digits of a number, such as 1234567890 for `AM-####-######`."""
    return ("1234567890" * pattern.count(PLACE))[: pattern.count(PLACE)]


def number_of(pattern: str, typed: str) -> str | None:
    """The number of a fine, such as AM-2026-000123 for 2026000123; None for what cannot be one.

    Digits alone are put into the pattern; a number with other characters is taken as it is, in capitals.
    pattern: "" where numbers are typed in full. Raises WrongCount: digits are never made up.
    """
    digits = typed.replace(" ", "")
    if pattern and digits.isascii() and digits.isdigit():
        if len(digits) != pattern.count(PLACE):
            raise WrongCount
        following = iter(digits)
        return "".join(next(following) if letter == PLACE else letter for letter in pattern)
    number = typed.upper()
    return number if re.fullmatch(FINE_ID, number, re.ASCII) else None
