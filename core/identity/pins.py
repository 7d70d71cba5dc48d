"""PINs. They are short, so an attempt is counted before it is checked, and a pepper outside the store is mixed in."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import TooManyAttempts
from core.identity.passwords import Passwords
from core.store.port import PEOPLE, Document, Store, update

MAX_WRONG_PINS = 3
LOCKS_MIN = (30, 60, 120, 240, 480, 960, 1440)
"""Three consecutive wrong PINs lock the PIN: for 30 minutes, then for twice as long each time, up to a day. After the
last one only a person unlocks it."""
DIALLED, ONLINE = "pin_tries", "pin_tries_online"
"""Where a person's document counts wrong PINs: those from a phone, and those over HTTP. Each has locks of its own, so
that whoever stole a token does not lock the menus of the phone."""
FOR_EVER_S = 24 * 3600
"""The Retry-After of a PIN that only a person unlocks."""

_DIGITS = re.compile(r"[0-9]{4,6}")


def is_pin(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


class Pins:
    """Every verb raises StoreUnavailable.

    passwords: the hasher; the default is Argon2id with OWASP's parameters.
    """

    def __init__(self, store: Store, clock: Clock, pepper: str, passwords: Passwords | None = None) -> None:
        self._store = store
        self._clock = clock
        self._pepper = pepper.encode()
        self._passwords = passwords or Passwords()

    def hash(self, pin: str) -> str:
        return self._passwords.hash(self._peppered(pin))

    def same(self, hashed: str | None, pin: str) -> bool:
        """Whether the PIN matches this hash. Attempts are not counted: only for a PIN chosen a moment ago."""
        return self._passwords.verify(hashed, self._peppered(pin))

    def verify(self, person: str, pin: str, tries: str = DIALLED) -> bool:
        """Whether it is the person's PIN. tries: DIALLED or ONLINE. Raises TooManyAttempts when the PIN is locked."""
        counted = update(self._store, PEOPLE, person, lambda document: self._counted(document, tries))
        right = self.same(counted.get("pin") if counted else None, pin)
        if right:
            update(self._store, PEOPLE, person, lambda document: {**document, tries: None})
        return right

    def locked_min(self, person: str, tries: str = DIALLED) -> int:
        """For how many minutes the last wrong PIN has locked it; 0: it is not locked, -1: until a person unlocks it."""
        return self._locked_min(_tries(self._store.get(PEOPLE, person) or {}, tries))

    def _locked_min(self, tries: Document) -> int:
        if tries["failed"] < MAX_WRONG_PINS:
            return 0
        ends = self._ends(tries)
        if ends is None:
            return -1
        return LOCKS_MIN[tries["locks"] - 1] if self._clock.now() < ends else 0

    def unlock(self, person: str) -> None:
        """Ends the locks of both sorts."""
        update(self._store, PEOPLE, person, lambda document: {**document, DIALLED: None, ONLINE: None})

    def _counted(self, document: Document, member: str) -> Document:
        """The person with one more attempt that failed, for now. Raises TooManyAttempts."""
        tries, now = _tries(document, member), self._clock.now()
        if tries["failed"] >= MAX_WRONG_PINS:
            ends = self._ends(tries)
            if ends is None or now < ends:
                raise TooManyAttempts(FOR_EVER_S if ends is None else int((ends - now).total_seconds()) + 1)
            tries = {**tries, "failed": 0}
        failed = tries["failed"] + 1
        locks = tries["locks"] + (failed == MAX_WRONG_PINS)
        return {**document, member: {"failed": failed, "locks": locks, "since": to_rfc3339(now)}}

    def _ends(self, tries: Document) -> datetime | None:
        """When the lock ends; None: when a person ends it."""
        if tries["locks"] > len(LOCKS_MIN):
            return None
        return from_rfc3339(tries["since"]) + timedelta(minutes=LOCKS_MIN[tries["locks"] - 1])

    def _peppered(self, pin: str) -> str:
        return hmac.new(self._pepper, pin.encode(), hashlib.sha256).hexdigest()


def _tries(person: Document, member: str) -> Document:
    return person.get(member) or {"failed": 0, "locks": 0, "since": ""}
