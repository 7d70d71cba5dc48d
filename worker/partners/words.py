"""The partner's own words, kept as evidence with each call: short, and without phone numbers."""

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

MAX_TEXT_CHARS = 2000

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_NAMED_PHONE = re.compile(
    r'("[^"]*(?:msisdn|phone|mobile|party_?id|subscriber)[^"]*"\s*:\s*"?)(\+?[0-9]{6,15})(?![0-9])', re.IGNORECASE
)
"""A member of a JSON object that holds a phone number, by the names that partners give it."""
_DIGITS = re.compile(r"\+?[0-9]{8,}", re.ASCII)
NATIONAL_DIGITS = 8
"""The last digits of a number, which are the same with its country code and without it."""


def words(status: int, text: bytes) -> dict[str, Any]:
    """What a partner answered: the HTTP status, and the beginning of the body as text.

    text: the body.
    """
    return {"http": status, "body": text[: 4 * MAX_TEXT_CHARS].decode("utf-8", "replace")[:MAX_TEXT_CHARS]}


def without_phones(said: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Masks the phones of a request, in any spelling, and what the partner itself names as a phone.

    Other numbers stay: partners' ids of transactions look like phones.
    """
    endings = {phone[-NATIONAL_DIGITS:] for phone in _phones(request)}
    return {name: _masked(value, endings) if isinstance(value, str) else value for name, value in said.items()}


def _masked(text: str, endings: Container[str]) -> str:
    """endings: the last digits of phones that may stand anywhere."""

    def own(found: re.Match[str]) -> str:
        return _mask(found[0]) if found[0][-NATIONAL_DIGITS:] in endings else found[0]

    return _DIGITS.sub(own, _NAMED_PHONE.sub(lambda found: found[1] + _mask(found[2]), text))


def _mask(phone: str) -> str:
    return "*" * (len(phone) - 2) + phone[-2:]


def _phones(value: object) -> Iterator[str]:
    match value:
        case str() if _E164.fullmatch(value):
            yield value
        case Mapping():
            for item in value.values():
                yield from _phones(item)
