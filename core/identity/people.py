"""People: who they are, by username, phone and role. A person's wallet has the person's id."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from core.clock import Clock, to_rfc3339
from core.errors import InvalidPhone, NameTaken, PhoneProven, StoreUnavailable
from core.identity.names import Names, is_proven
from core.identity.passwords import Passwords
from core.identity.second_factor import has_factor
from core.ids import is_id, new_id
from core.phone import DIALLED, mask, to_e164
from core.store.port import PEOPLE, Document, Store, update

MAX_TRIES = 5
"""Registration is tried again only if somebody else registers under the same name at the same moment."""

USERNAME = (3, 32)
"""Least and most characters."""

SETTLED_AFTER = timedelta(days=1)
"""After another phone was proven: only then a code to the new one resets the password. Until then, the owner of an
account whose phone a thief has changed can still sign in, and change it back."""

_USERNAME = re.compile(r"(?=.*[^\W\d_])[\w.@-]+")
"""At least one letter, so that no username is a phone number."""


class Role(StrEnum):
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True)
class Person:
    """username: None for who registered by phone; msisdn: in E.164, or None, but one of both is there.

    phone_proven: whether the phone is known to be the person's own.
    epoch: tokens of an earlier one have ended.
    ended_tokens: the ids of other tokens that have.
    addresses: fingerprints of those from which the person has registered, signed in, or chosen a password by a code.
    has_factor: whether signing in needs a code, see `core.identity.second_factor`.
    with_password: whether there is a password.
    resets_at: from when on a code to the phone resets the password, in RFC 3339; "" for always.
    suspended: may neither sign in nor be paid from or to; language: a code of `core.notices.languages`, or None.
    created_on: a date such as `2026-11-28`, UTC.
    """

    id: str
    username: str | None
    msisdn: str | None
    role: Role
    suspended: bool
    language: str | None = None
    created_on: str = ""
    has_pin: bool = False
    phone_proven: bool = False
    epoch: int = 0
    ended_tokens: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    has_factor: bool = False
    with_password: bool = False
    resets_at: str = ""

    @property
    def name(self) -> str:
        """What other people see: the username, or the masked phone."""
        return self.username or mask(self.msisdn or "")

    def is_settled(self, now: datetime) -> bool:
        """Whether the account was made before yesterday, in UTC: not for an attack of the day."""
        return self.created_on < to_rfc3339(now - SETTLED_AFTER)[:10]


class People:
    """Every verb raises StoreUnavailable.

    passwords: the hasher; the default is Argon2id with OWASP's parameters.
    """

    def __init__(self, store: Store, clock: Clock, passwords: Passwords | None = None) -> None:
        self._store = store
        self._clock = clock
        self._names = Names(store)
        if passwords is not None:
            self._passwords = passwords

    @cached_property
    def _passwords(self) -> Passwords:
        return Passwords()

    def register(
        self,
        username: str | None,
        password: str | None,
        msisdn: str | None = None,
        role: Role = Role.USER,
        *,
        pin: str | None = None,
        language: str | None = None,
        phone_proven: bool = False,
        address: str = "",
        ids: Callable[[], str] = new_id,
    ) -> Person:
        """pin: hashed; phone_proven: whether the phone is known to be the person's own.

        address: the fingerprint of that from which the person registers.
        Raises NameTaken(field) for a username and a proven phone; ValueError for a username that `canonical_name`
        refuses.
        """
        now = to_rfc3339(self._clock.now())
        document: Document = {
            "username": None if username is None else canonical_name(username),
            "shown": username,
            "msisdn": msisdn,
            "role": role.value,
            "password": None if password is None else self._passwords.hash(password),
            "pin": pin,
            "language": language,
            "suspended": False,
            "phone_proven_at": now if phone_proven else None,
            "created_at": now,
            "addresses": {address: now[:10]} if address else {},
        }
        for _ in range(MAX_TRIES):
            # Under another id each time: the one before may have been voided.
            if stored := self._names.register({"id": ids(), **document}):
                return person_of(stored)
        raise StoreUnavailable(reason="others registered under the same name all the time")

    def named(self, username: str) -> Person | None:
        """The person of this username."""
        try:
            document = self._names.find("username", canonical_name(username))
        except ValueError:
            return None
        return person_of(document) if document else None

    def get(self, id: str) -> Person | None:
        document = self._store.get(PEOPLE, id) if is_id(id) else None
        return person_of(document) if document and "void" not in document else None

    def find(self, text: str, region: str) -> Person | None:
        """The person of a username, or of a proven phone in any spelling.

        region: as `to_e164` reads phones.
        """
        try:
            document = self._names.find("username", canonical_name(text))
        except ValueError:
            if not DIALLED.fullmatch(text):
                return None
            try:
                document = self._names.find("msisdn", to_e164(text, region))
            except InvalidPhone:
                return None
        return person_of(document) if document else None

    def of_phone(self, msisdn: str) -> Person | None:
        """The person who has proven this phone. msisdn: in E.164."""
        document = self._names.find("msisdn", msisdn)
        return person_of(document) if document else None

    def naming(self, msisdn: str) -> Person | None:
        """The person who has proven this phone, or else the last one who named it. msisdn: in E.164."""
        document = self._names.naming(msisdn)
        return person_of(document) if document else None

    def suspend(self, id: str, suspended: bool) -> None:
        """Suspends a person, or lifts the suspension. For an id that exists."""
        self._change(id, suspended=suspended)

    def set_phone(self, id: str, msisdn: str) -> Person:
        """The person with this phone, which nobody has proven yet to be theirs. For an id that is there.

        msisdn: in E.164.
        Raises PhoneProven for another phone than that of the person's PIN.
        """

        def change(document: Document) -> Document | None:
            if document.get("msisdn") == msisdn:
                return None
            if document.get("msisdn") is not None and document.get("pin") is not None:
                raise PhoneProven
            with suppress(NameTaken):  # somebody has proven it
                self._names.take("msisdn", msisdn, id)
            return {**_without_phone(document), "msisdn": msisdn}

        return self._update(id, change)

    def prove_phone(self, id: str, msisdn: str) -> Person:
        """The person, whose own this phone is now known to be. For an id that is there.

        msisdn: in E.164. Raises NameTaken where it is known to be somebody else's already.
        """
        return self._update(id, lambda document: self._proven(document, msisdn))

    def take_over(self, id: str, msisdn: str, pin: str, language: str) -> Person:
        """The person, taken over by who holds the phone. For an id that is there.

        The password and all tokens end, unless the phone had been proven: whoever has them only named the phone.
        pin: hashed. Raises NameTaken, also for an account with a role or a second factor: no phone gives those away.
        """

        def change(document: Document) -> Document:
            if document["role"] != Role.USER or has_factor(document):
                raise NameTaken("msisdn")
            taken = {**self._proven(document, msisdn), "pin": pin, "language": language}
            return taken if is_proven(document) else {**taken, "password": None, "epoch": epoch_of(document) + 1}

        return self._update(id, change)

    def take_phone(self, id: str) -> None:
        """Removes the phone from an account whose owner does not have it. For an id that exists."""
        update(self._store, PEOPLE, id, _without_phone)

    def set_language(self, id: str, language: str) -> None:
        """For an id that exists."""
        self._change(id, language=language)

    def _change(self, id: str, **members: object) -> None:
        update(self._store, PEOPLE, id, lambda document: {**document, **members})

    def _update(self, id: str, change: Callable[[Document], Document | None]) -> Person:
        changed = update(self._store, PEOPLE, id, change)
        assert changed is not None
        return person_of(changed)

    def _proven(self, document: Document, msisdn: str) -> Document:
        # Claimed after the person was read: whoever takes the claim over changes the person, and the save fails.
        self._names.take("msisdn", msisdn, document["id"])
        now = self._clock.now()
        resets_at = to_rfc3339(now + SETTLED_AFTER) if document.get("had_phone") else ""
        return {**document, "msisdn": msisdn, "phone_proven_at": to_rfc3339(now), "resets_at": resets_at}


COMPOSED = 4
"""The most characters that NFKC makes one of."""


def canonical_name(username: str) -> str:
    """The form of a username by which it is unique: NFKC, case folded. Raises ValueError for an invalid username."""
    least, most = USERNAME
    if len(username) > COMPOSED * most:  # the time of NFKC grows with the square of a text's length
        raise ValueError("not a username")
    name = unicodedata.normalize("NFKC", username)
    if not (least <= len(name) <= most and _USERNAME.fullmatch(name)):
        raise ValueError("not a username")
    return name.casefold()


def person_of(document: Document) -> Person:
    """The person of a stored document."""
    return Person(
        id=document["id"],
        username=document["shown"],
        msisdn=document.get("msisdn"),  # release 0.1.0 left it out on MongoDB where there was none
        role=Role(document["role"]),
        suspended=bool(document["suspended"]),
        language=document.get("language"),
        created_on=str(document.get("created_at", ""))[:10],
        has_pin=document.get("pin") is not None,
        phone_proven=document.get("msisdn") is not None and is_proven(document),
        epoch=epoch_of(document),
        ended_tokens=frozenset(document.get("ended_tokens", ())),
        addresses=frozenset(document.get("addresses", ())),
        has_factor=has_factor(document),
        with_password=document.get("password") is not None,
        resets_at=str(document.get("resets_at", "")),
    )


def _without_phone(document: Document) -> Document:
    """The person without a phone, of whom it is remembered whether they had proven one."""
    had = bool(document.get("had_phone")) or (document.get("msisdn") is not None and is_proven(document))
    return {**document, "msisdn": None, "phone_proven_at": None, "had_phone": had}


def epoch_of(document: Document) -> int:
    """The epoch of the tokens that are good."""
    return int(document.get("epoch", 0))
