"""JSON as money needs it: numbers are read as they are written, never by way of a float."""

import json
import re
from decimal import Decimal
from typing import Any

from flask.json.provider import DefaultJSONProvider

LONGEST_INT = 30
"""Digits. Longer integers are read as Decimal: Python refuses to convert very long ones, and none is an amount."""


def _number(text: str) -> Decimal:
    """Beyond what Decimal holds, NaN: a number, and no amount."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("NaN")


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= LONGEST_INT else _number(digits)


_MARK = re.compile(rb'[\[\]{}]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A bracket, or a string as a whole, also one that has no end: each byte is looked at once."""


def deeper_than(text: bytes, levels: int) -> bool:
    """Whether JSON is nested more levels deep, told without parsing it, which would need as deep a stack."""
    if text.count(b"{") + text.count(b"[") <= levels:
        return False
    depth = 0
    for mark in _MARK.finditer(text):
        if mark[0] in (b"{", b"["):
            depth += 1
        elif mark[0] in (b"}", b"]"):
            depth -= 1
        if depth > levels:
            return True
    return False


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_integer, parse_constant=Decimal)


class MoneyJSON(DefaultJSONProvider):
    """Reads 0.1 as Decimal("0.1"), and NaN and Infinity as Decimals that no amount accepts."""

    sort_keys = False
    compact = True

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises ValueError for anything that is not JSON in UTF-8, or nested too deeply to be a request."""
        try:
            return _DECODER.decode(s.decode() if isinstance(s, bytes) else s)
        except RecursionError:
            raise ValueError("nested too deeply") from None
