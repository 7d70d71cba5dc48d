"""What somebody who guesses passwords and PINs tries first: NIST SP 800-63B, section 3.1.1.2."""

import re
from functools import cache

PASSWORDS = 10_000
"""How many of the most common passwords are refused."""

_RUN = "01234567890123456789"
_YEAR = re.compile(r"(19|20)[0-9]{2}")
_PAIRS = re.compile(r"((.)\2)+|((..)\4+)|(.)(.)(.?)\7?\6\5")
"""Doubled digits as in 1122, a pair repeated as in 1212, and what reads the same backwards, as 1221."""


@cache
def _common() -> tuple[frozenset[str], frozenset[str]]:
    """The most common passwords of a published leak, and all PINs among them."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 (a megabyte, which few processes need)

    ranked = list(FREQUENCY_LISTS["passwords"])
    return frozenset(ranked[:PASSWORDS]), frozenset(text for text in ranked if re.fullmatch(r"[0-9]{4,6}", text))


def is_common_password(password: str, username: str | None = None) -> bool:
    """Whether a password is one of the most common, or the username itself."""
    text = password.casefold()
    return text in _common()[0] or (username is not None and text == username.casefold())


def is_weak_pin(pin: str, msisdn: str = "") -> bool:
    """Whether a PIN is easy to guess: consecutive or doubled digits, pairs, a year, a common one, or the phone's own.

    msisdn: the phone of the PIN's owner, in E.164.
    """
    if len(set(pin)) <= 1 or pin in _RUN or pin[::-1] in _RUN or _PAIRS.fullmatch(pin) or _YEAR.fullmatch(pin):
        return True
    common = _common()[1]
    return pin in common or pin[::-1] in common or pin in msisdn
