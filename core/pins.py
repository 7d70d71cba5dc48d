"""PINs: short, so an attempt is counted before it is looked at, and there is a pepper that the store does not know."""

import hashlib
import hmac
import re

from core.attempts import Attempts
from core.clock import Clock
from core.passwords import Passwords
from core.store.port import PEOPLE, Store

WRONG, LOCKED_S = 3, 30 * 60
"""So many wrong ones in a row lock for so long."""

_DIGITS = re.compile(r"[0-9]{4,6}")
_RUN = "01234567890123456789"


def is_weak(pin: str) -> bool:
    """What is tried first: one digit throughout, or digits that follow one another."""
    return len(set(pin)) == 1 or pin in _RUN or pin[::-1] in _RUN


def is_pin(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


class Pins:
    """Every verb raises StoreUnavailable. passwords: how they are hashed, unless as they should be."""

    def __init__(self, store: Store, clock: Clock, pepper: str, passwords: Passwords | None = None) -> None:
        self._store = store
        self._pepper = pepper.encode()
        self._passwords = passwords or Passwords()
        self._attempts = Attempts(store, clock, "pin", WRONG, LOCKED_S)

    def hash(self, pin: str) -> str:
        return self._passwords.hash(self._peppered(pin))

    def same(self, hashed: str | None, pin: str) -> bool:
        """Whether it is the PIN of this hash; for what was hashed a moment ago, not for what may be guessed."""
        return self._passwords.verify(hashed, self._peppered(pin))

    def verify(self, person: str, pin: str) -> bool:
        """Whether it is the person's PIN. Raises TooManyAttempts for one that is locked."""
        self._attempts.begin(person)
        document = self._store.get(PEOPLE, person)
        right = self.same(document.get("pin") if document else None, pin)
        if right:
            self._attempts.succeeded(person)
        return right

    def locked(self, person: str) -> bool:
        return self._attempts.exhausted(person)

    def unlock(self, person: str) -> None:
        self._attempts.succeeded(person)

    def _peppered(self, pin: str) -> str:
        return hmac.new(self._pepper, pin.encode(), hashlib.sha256).hexdigest()
