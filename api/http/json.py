"""JSON for money: numbers are read as they are written, never through a float."""

import json
import re
from decimal import Decimal
from typing import Any

from flask import Response
from flask.json.provider import DefaultJSONProvider

MAX_INT_DIGITS = 30
"""Digits. Longer integers are read as Decimal: Python refuses to convert very long ones, and none is an amount."""


def _number(text: str) -> Decimal:
    """Beyond what Decimal holds, NaN: a number, and no amount."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("NaN")


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else _number(digits)


_MARK = re.compile(rb'[\[\]{}]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A bracket, or a string as a whole, also one that has no end: each byte is looked at once."""


def deeper_than(text: bytes, levels: int) -> bool:
    """Whether JSON is nested deeper than this. It is not parsed: that would need a stack as deep."""
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

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """JSON text without spaces."""
        return super().dumps(obj, **{**kwargs, "separators": (",", ":"), "indent": None})

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises ValueError for anything that is not JSON in UTF-8, or nested too deeply to be a request."""
        try:
            return _DECODER.decode(s.decode() if isinstance(s, bytes) else s)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def json_answer(text: str, status: int = 200, mimetype: str = "application/json") -> Response:
    """An answer of JSON text. It ends with a newline, as those of `jsonify` do: a terminal's prompt follows it."""
    return Response(f"{text}\n", status, mimetype=mimetype)
