"""Reads the bodies of vendors' calls: JSON objects with nested fields, and amounts as texts or numbers."""

import re
from decimal import Decimal

from mock_api.forms import AMOUNT, MSISDN

TEXT = re.compile(r"[^\ud800-\udfff]{1,500}", re.DOTALL)
_STORABLE = re.compile(r"[^\ud800-\udfff]*", re.DOTALL)
"""Without unpaired surrogates."""
URL = re.compile(r"https?://[!-~]{1,2000}")


class BadField(ValueError):
    """A field of a call cannot be used; the message says why."""


class Body:
    """A JSON object of a request. Every method raises BadField, which names the field."""

    def __init__(self, content: object, path: str = "") -> None:
        if not isinstance(content, dict):
            raise BadField(f"{path or 'the body'} must be a JSON object")
        self._content = content
        self._path = path

    def part(self, name: str) -> "Body":
        """Returns a nested object."""
        return Body(self._content.get(name), self._path + name)

    def item(self, name: str, key: str) -> str:
        """Returns the value of a key in a list such as `[{"key": "msisdn", "value": "+225..."}]`."""
        rows = self._content.get(name)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("key") == key and row.get("value"):
                return Body(row, f"{self._path}{name}.").text("value")
        raise BadField(f"{self._path}{name} needs an object with the key {key}")

    def text(self, name: str, shape: re.Pattern[str] = TEXT) -> str:
        """Returns a text, or a whole number as a text."""
        value = self._content.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not (isinstance(value, str) and _STORABLE.fullmatch(value) and shape.fullmatch(value)):
            raise BadField(f"{self._path}{name} must match {shape.pattern}")
        return value

    def optional(self, name: str, shape: re.Pattern[str] = TEXT) -> str:
        """Returns a text; an empty one if it is absent, null or empty."""
        return self.text(name, shape) if self._content.get(name) not in (None, "") else ""

    def amount(self, name: str, shape: re.Pattern[str] = AMOUNT) -> str:
        """Returns an amount above 0, given as a text or a number, as a decimal text."""
        value = self._content.get(name)
        if isinstance(value, float):
            value = f"{Decimal(str(value)):f}"
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not (AMOUNT.fullmatch(text) and shape.fullmatch(text)):
            raise BadField(f"{self._path}{name} must be an amount")
        return text

    def phone(self, name: str, calling_code: str = "") -> str:
        """Returns a phone in E.164 with its plus sign.

        calling_code: put before a number without one, in place of its leading zero.
        """
        return e164(self.text(name), self._path + name, calling_code)

    def only(self, names: set[str]) -> None:
        """Refuses fields with any other name."""
        if unknown := sorted(set(self._content) - names):
            raise BadField(f"{self._path}{unknown[0]} is not a field")


def e164(text: str, name: str, calling_code: str = "") -> str:
    """Returns a phone in E.164. Raises BadField."""
    digits = text.removeprefix("+")
    if calling_code and not digits.startswith(calling_code):
        digits = calling_code + digits.removeprefix("0")
    if not MSISDN.fullmatch(f"+{digits}"):
        raise BadField(f"{name} must be a phone")
    return f"+{digits}"
