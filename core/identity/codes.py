"""One-time codes that an SMS brings to a phone: who has one holds the phone."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, TooManyAttempts
from core.identity.windows import Window
from core.store.port import ATTEMPTS, Store

LIFETIME_S = 600
MAX_TRIES = 5
MAX_CODES, CODES_WITHIN_S = 3, 3600
"""So many codes go to one phone within an hour, whoever asks for them: an SMS costs, and many are a nuisance."""


def six_digits() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"


class Codes:
    """The codes for one purpose. Only the last one sent to a phone for an owner is good, once. Stored keyed-hashed.

    Every verb raises StoreUnavailable.
    what: the purpose; a code for one is none for another.
    key: a secret of the installation.
    """

    def __init__(self, store: Store, clock: Clock, key: str, what: str, make: Callable[[], str] = six_digits) -> None:
        self._store = store
        self._clock = clock
        self._key = hashlib.sha256(f"{key}\none-time code".encode()).digest()
        self._what = what
        self._make = make
        self._sent = Window(store, clock, "code", MAX_CODES, CODES_WITHIN_S)

    def new(self, msisdn: str, owner: str) -> str:
        """A code for this phone. msisdn: in E.164; owner: who asks for it. Raises TooManyAttempts."""
        self._sent.count(msisdn)
        code, id, now = self._make(), self._id(msisdn, owner), self._clock.now()
        document = {
            "id": id,
            "since": to_rfc3339(now),
            "code": self._hash(id, code),
            "ends_at": to_rfc3339(now + timedelta(seconds=LIFETIME_S)),
            "tries": 0,
        }
        while True:
            with suppress(Duplicate):
                self._store.insert(ATTEMPTS, document)
                return code
            known = self._store.get(ATTEMPTS, id)
            with suppress(Conflict):
                self._store.replace(ATTEMPTS, {**document, "version": known["version"] if known else 1})
                return code

    def use(self, msisdn: str, owner: str, code: str) -> bool:
        """Whether this is the code that was sent, which is then used up.

        A try is counted before the code is looked at, so that many at once are not more tries. Raises TooManyAttempts
        after MAX_TRIES wrong ones.
        """
        id, now = self._id(msisdn, owner), self._clock.now()
        known = self._store.get(ATTEMPTS, id)
        if known is None or known["code"] is None or now >= from_rfc3339(known["ends_at"]):
            return False
        if known["tries"] >= MAX_TRIES:
            raise TooManyAttempts(int((from_rfc3339(known["ends_at"]) - now).total_seconds()) + 1)
        right = hmac.compare_digest(known["code"], self._hash(id, code))
        try:
            self._store.replace(
                ATTEMPTS, {**known, "tries": known["tries"] + 1, "code": None if right else known["code"]}
            )
        except Conflict:
            raise TooManyAttempts(1) from None  # another try of this code at the same moment
        return right

    def _hash(self, id: str, code: str) -> str:
        return hmac.new(self._key, f"{id}\n{code}".encode(), hashlib.sha256).hexdigest()

    def _id(self, msisdn: str, owner: str) -> str:
        return hashlib.sha256(f"code\n{self._what}\n{owner}\n{msisdn}".encode()).hexdigest()
