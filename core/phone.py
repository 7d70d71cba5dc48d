"""Phone numbers, in E.164."""

import re
from functools import cache

import phonenumbers

from core.errors import InvalidPhone

DIALLED = re.compile(r"[+\uff0b]?[\d\s().\-/]{1,40}")
"""What may be a phone number: the library would find one in any text around it."""


def to_e164(text: str, region: str) -> str:
    """Any spelling of a valid number in E.164: "+225 07 07 00 00 01", and in "CI" "0707000001", are "+2250707000001".

    region: the ISO 3166 country whose dialling rules read a number without a country code. Raises InvalidPhone.
    """
    if is_plain_e164(text):
        return text
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidPhone(phone=mask(text)) from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidPhone(phone=mask(text))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_plain_e164(text: str) -> bool:
    """Whether the text is a valid number in E.164 already, of a country whose numbers can be matched as they are.

    True spares the library's parser, which takes four times as long. False says nothing.
    """
    if not _PLAIN.fullmatch(text):
        return False
    valid = _national(text[1:4]) or _national(text[1:3])
    return valid is not None and valid.fullmatch(text) is not None


def region_of(phone: str) -> str | None:
    """The ISO 3166 country of a phone in E.164; None for one of no country."""
    region: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    return region


_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_TYPES = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "uan", "pager")


@cache
def _national(code: str) -> re.Pattern[str] | None:
    """The valid numbers of a country code. None if several countries share it, or if a national prefix may be dialled.

    The patterns are the library's. That of all numbers and those of the types have to match, as in its own check.
    """
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    found = phonenumbers.PhoneMetadata.metadata_for_region(regions[0], None) if len(regions) == 1 else None
    if found is None or found.national_prefix_for_parsing or found.general_desc is None:
        return None
    types = (getattr(found, name) for name in _TYPES)
    patterns = [kind.national_number_pattern for kind in types if kind and kind.national_number_pattern]
    general = found.general_desc.national_number_pattern
    return re.compile(rf"\+{code}(?=(?:{general})\Z)(?:{'|'.join(patterns)})")


def mask(phone: str) -> str:
    """A phone number that may be shown and logged: "+2250707000001" is "+225*******001"."""
    return f"{phone[:4]}{'*' * (len(phone) - 7)}{phone[-3:]}" if len(phone) > 7 else "*" * len(phone)
