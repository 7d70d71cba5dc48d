"""PINs. They are short, so an attempt is counted before it is checked, and a pepper outside the store is mixed in."""

import hashlib
import hmac
import re

from core.clock import Clock
from core.identity.lockout import Lockout
from core.identity.passwords import Passwords
from core.store.port import PEOPLE, Store

MAX_WRONG_PINS, LOCKED_S = 3, 30 * 60
"""Three consecutive wrong PINs lock the PIN for 30 minutes."""

_DIGITS = re.compile(r"[0-9]{4,6}")
_RUN = "01234567890123456789"


def is_weak(pin: str) -> bool:
    """Whether a PIN is easy to guess: one digit repeated, or consecutive digits."""
    return len(set(pin)) == 1 or pin in _RUN or pin[::-1] in _RUN


def is_pin(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


class Pins:
    """Every verb raises StoreUnavailable.

    passwords: the hasher; the default is Argon2id with OWASP's parameters.
    """

    def __init__(self, store: Store, clock: Clock, pepper: str, passwords: Passwords | None = None) -> None:
        self._store = store
        self._pepper = pepper.encode()
        self._passwords = passwords or Passwords()
        self._lockout = Lockout(store, clock, "pin", MAX_WRONG_PINS, LOCKED_S)

    def hash(self, pin: str) -> str:
        return self._passwords.hash(self._peppered(pin))

    def same(self, hashed: str | None, pin: str) -> bool:
        """Whether the PIN matches this hash. Attempts are not counted: only for a PIN chosen a moment ago."""
        return self._passwords.verify(hashed, self._peppered(pin))

    def verify(self, person: str, pin: str) -> bool:
        """Whether it is the person's PIN. Raises TooManyAttempts when the PIN is locked."""
        self._lockout.begin(person)
        document = self._store.get(PEOPLE, person)
        right = self.same(document.get("pin") if document else None, pin)
        if right:
            self._lockout.succeeded(person)
        return right

    def locked(self, person: str) -> bool:
        return self._lockout.exhausted(person)

    def unlock(self, person: str) -> None:
        self._lockout.succeeded(person)

    def _peppered(self, pin: str) -> str:
        return hmac.new(self._pepper, pin.encode(), hashlib.sha256).hexdigest()
