"""Phone numbers, in E.164."""

import phonenumbers

from core.errors import InvalidPhone


def to_e164(text: str, region: str) -> str:
    """Any spelling of a valid number in E.164: "+225 07 07 00 00 01", and in "CI" "0707000001", are "+2250707000001".

    region: the ISO 3166 country whose dialling rules read a number without a country code. Raises InvalidPhone.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidPhone(phone=mask(text)) from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidPhone(phone=mask(text))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask(phone: str) -> str:
    """A phone number that may be shown and logged: "+2250707000001" is "+225*******001"."""
    return f"{phone[:4]}{'*' * (len(phone) - 7)}{phone[-3:]}" if len(phone) > 7 else "*" * len(phone)
