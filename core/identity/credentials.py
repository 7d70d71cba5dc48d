"""What people show to be let in: passwords and PINs, the tokens that have ended, the addresses they came from."""

from datetime import datetime
from operator import itemgetter

from core.clock import Clock, to_rfc3339
from core.identity.names import Names
from core.identity.passwords import Passwords
from core.identity.people import Person, canonical_name, epoch_of, person_of
from core.store.port import PEOPLE, Document, Store, update

PASSWORD = (8, 128)
"""Least and most characters."""

ADDRESSES = 10
"""From which a person has signed in: the last ones are remembered."""


class Credentials:
    """Every verb raises StoreUnavailable.

    passwords: the hasher; the default is Argon2id with OWASP's parameters.
    """

    def __init__(self, store: Store, clock: Clock, passwords: Passwords | None = None) -> None:
        self._store = store
        self._clock = clock
        self._names = Names(store)
        self._passwords = passwords or Passwords()

    def authenticate(self, username: str, password: str) -> Person | None:
        """The person with this username and password, or None.

        A wrong password, an unknown name and a suspended person take equally long.
        """
        try:
            document = self._names.find("username", canonical_name(username))
        except ValueError:
            document = None
        right = self._passwords.verify(document["password"] if document else None, password)
        return person_of(document) if document and right and not document["suspended"] else None

    def remember(self, id: str, address: str) -> None:
        """Remembers that this person has signed in from this address. For an id that exists."""
        today = to_rfc3339(self._clock.now())[:10]

        def change(document: Document) -> Document | None:
            known: dict[str, str] = document.get("addresses", {})
            if known.get(address) == today:
                return None
            newest = sorted({**known, address: today}.items(), key=itemgetter(1), reverse=True)[:ADDRESSES]
            return {**document, "addresses": dict(newest)}

        update(self._store, PEOPLE, id, change)

    def has_password(self, id: str, password: str) -> bool:
        """Whether it is the person's password."""
        document = self._store.get(PEOPLE, id)
        return self._passwords.verify(document.get("password") if document else None, password)

    def set_password(self, id: str, password: str) -> None:
        """Changes the password, and ends all tokens. For an id that exists."""
        hashed = self._passwords.hash(password)
        update(
            self._store, PEOPLE, id, lambda document: {**document, "password": hashed, "epoch": epoch_of(document) + 1}
        )

    def end_token(self, id: str, token: str, expires_at: datetime) -> None:
        """Ends one token, by its id. For a person who exists."""
        now = to_rfc3339(self._clock.now())

        def change(document: Document) -> Document:
            ended = {name: at for name, at in document.get("ended_tokens", {}).items() if at > now}
            return {**document, "ended_tokens": {**ended, token: to_rfc3339(expires_at)}}

        update(self._store, PEOPLE, id, change)

    def end_all_tokens(self, id: str) -> None:
        """For an id that exists."""
        update(self._store, PEOPLE, id, lambda document: {**document, "epoch": epoch_of(document) + 1})

    def set_pin(self, id: str, pin: str) -> None:
        """pin: hashed. For an id that exists."""
        update(self._store, PEOPLE, id, lambda document: {**document, "pin": pin})
