"""One-time codes that an SMS brings to a phone: who has one holds the phone.

Nobody uses up what another one needs: codes and wrong tries are counted for each asker, and over all of them only with
a cap that keeps guessing hopeless. An address from which the owner has signed in before has counts of its own.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, TooManyAttempts
from core.identity.windows import Window, count_all, take_back_all
from core.store.port import ATTEMPTS, Store

LIFETIME_S = 600
MAX_TRIES = 5
"""Wrong tries of one code from one address."""
CODES_WITHIN_S = 3600
MAX_CODES = 3
"""Codes for one purpose to one phone within an hour, asked for by one account or from one address."""
MAX_CODES_KNOWN = 6
"""The same from an address from which the phone's owner has signed in before: as many as are good one after another, so
that others at that address who ask for codes all the time leave the owner one that is good."""
MAX_CODES_TO_PHONE = 10
"""The same over all askers: an SMS costs, and many are a nuisance."""
TRIES = ((20, 3600), (50, 86400))
"""Wrong tries for one purpose, phone and owner: so many within so many seconds, from all addresses but the known ones,
and from each of those. 50 of a million codes a day: whoever guesses every day of a year succeeds with 1.8 %."""
TRIES_OF_PHONE = TRIES[-1]
"""Wrong tries for one purpose and phone over all owners: any account may name any phone, and gets codes of its own."""


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
        self._asked = Window(store, clock, f"code {what} of an asker", MAX_CODES, CODES_WITHIN_S)
        self._asked_known = Window(store, clock, f"code {what} of a known asker", MAX_CODES_KNOWN, CODES_WITHIN_S)
        self._sent = Window(store, clock, f"code {what}", MAX_CODES_TO_PHONE, CODES_WITHIN_S)
        self._wrong = tuple(Window(store, clock, f"wrong code {what} {limit[1]}", *limit) for limit in TRIES)
        self._wrong_of_phone = Window(store, clock, f"wrong code {what} of a phone", *TRIES_OF_PHONE)

    def new(
        self,
        msisdn: str,
        owner: str,
        asker: str | None = None,
        known: bool = False,
        spend: Callable[[], bool] = lambda: True,
    ) -> str:
        """A code for this phone; "" where it is not to be sent, and the one before stays good.

        msisdn: in E.164; owner: of the code, "" where it is whoever has the phone.
        asker: the account or the address that asks; the owner, if None.
        known: whether it is an address from which the phone's owner has signed in before.
        spend: asked when the counts allow the code, and before it is made: whether it is to be sent. If it raises
            TooManyAttempts, nothing counts.
        Raises TooManyAttempts.
        """
        with self._counted(msisdn, owner if asker is None else asker, known):
            if not spend():
                return ""
        code, id, now = self._make(), self._id(msisdn, owner), self._clock.now()
        document = {
            "id": id,
            "since": to_rfc3339(now),
            "code": self._hash(id, code),
            "ends_at": to_rfc3339(now + timedelta(seconds=LIFETIME_S)),
            "tries_of": {},
        }
        while True:
            with suppress(Duplicate):
                self._store.insert(ATTEMPTS, document)
                return code
            found = self._store.get(ATTEMPTS, id)
            with suppress(Conflict):
                self._store.replace(ATTEMPTS, {**document, "version": found["version"] if found else 1})
                return code

    def use(self, msisdn: str, owner: str, code: str, address: str = "", known: bool = False) -> bool:
        """Whether this is the code that was sent, which is then used up.

        A try is counted before the code is looked at, so that many at once are not more tries.
        address, known: of whoever tries; see `new`.
        Raises TooManyAttempts after MAX_TRIES wrong ones of this code from this address, and beyond TRIES and
        TRIES_OF_PHONE.
        """
        id, now = self._id(msisdn, owner), self._clock.now()
        sent = self._store.get(ATTEMPTS, id)
        if sent is None or sent["code"] is None or now >= from_rfc3339(sent["ends_at"]):
            return False
        place = hashlib.sha256(address.encode()).hexdigest()[:16]
        # A release before counted the tries of all addresses together.
        tries_of = sent.get("tries_of", {})
        tries = tries_of.get(place, sent.get("tries", 0))
        if tries >= MAX_TRIES:
            raise TooManyAttempts(int((from_rfc3339(sent["ends_at"]) - now).total_seconds()) + 1)
        right = hmac.compare_digest(sent["code"], self._hash(id, code))
        with self._try(f"{msisdn}\n{owner}\n{place if known else ''}", msisdn if owner else None, right):
            counted = {**tries_of, place: tries + 1}
            try:
                self._store.replace(ATTEMPTS, {**sent, "tries_of": counted, "code": None if right else sent["code"]})
            except Conflict:
                raise TooManyAttempts(1) from None  # another try of this code at the same moment
        return right

    @contextmanager
    def _counted(self, msisdn: str, asker: str, known: bool) -> Iterator[None]:
        """Counts a code, unless the block raises TooManyAttempts."""
        own, name = self._asked_known if known else self._asked, f"{msisdn}\n{asker}"
        begun = count_all([(own, name)] if known else [(own, name), (self._sent, msisdn)])
        try:
            yield
        except TooManyAttempts:
            take_back_all(begun)
            raise

    @contextmanager
    def _try(self, name: str, phone: str | None, right: bool) -> Iterator[None]:
        """Counts a try before the code is compared. If it was right, the count is taken back.

        phone: where the code is one of several owners'.
        """
        of_phone = [(self._wrong_of_phone, phone)] if phone else []
        begun = count_all([*((window, name) for window in self._wrong), *of_phone])
        yield
        if right:
            take_back_all(begun)

    def _hash(self, id: str, code: str) -> str:
        return hmac.new(self._key, f"{id}\n{code}".encode(), hashlib.sha256).hexdigest()

    def _id(self, msisdn: str, owner: str) -> str:
        return hashlib.sha256(f"code\n{self._what}\n{owner}\n{msisdn}".encode()).hexdigest()
