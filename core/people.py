"""People: who they are, how they prove it, and what they may do. A person's wallet has the person's id."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from core.clock import Clock, to_text
from core.errors import Conflict, Duplicate, InvalidPhone, NameTaken
from core.ids import is_id, new_id
from core.passwords import Passwords
from core.phone import mask, to_e164
from core.store.port import PEOPLE, Document, Store

USERNAME = (3, 32)
PASSWORD = (8, 128)
"""Least and most characters."""

_USERNAME = re.compile(r"(?=.*[^\W\d_])[\w.@-]+")
"""With a letter in it, so that none is a phone number."""


class Role(StrEnum):
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True)
class Person:
    """username: None for who registered by phone; msisdn: in E.164, or None, but one of both is there.

    suspended: may neither sign in nor be paid from or to; language: a code of `core.languages`, or None.
    """

    id: str
    username: str | None
    msisdn: str | None
    role: Role
    suspended: bool
    language: str | None = None
    has_pin: bool = False

    @property
    def name(self) -> str:
        """As others see it."""
        return self.username or mask(self.msisdn or "")


class People:
    """Every verb raises StoreUnavailable. passwords: how they are hashed, unless as they should be."""

    def __init__(self, store: Store, clock: Clock, passwords: Passwords | None = None) -> None:
        self._store = store
        self._clock = clock
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
        ids: Callable[[], str] = new_id,
    ) -> Person:
        """pin: hashed. Raises NameTaken(field); ValueError for a username that `canonical_name` refuses."""
        document: Document = {
            "id": ids(),
            "username": None if username is None else canonical_name(username),
            "shown": username,
            "msisdn": msisdn,
            "role": role.value,
            "password": None if password is None else self._passwords.hash(password),
            "pin": pin,
            "language": language,
            "suspended": False,
            "created_at": to_text(self._clock.now()),
        }
        try:
            return _person(self._store.insert(PEOPLE, document))
        except Duplicate as duplicate:
            raise NameTaken(duplicate.field) from None

    def authenticate(self, username: str, password: str) -> Person | None:
        """The person, or None: for a wrong password, an unknown name and a suspended person alike, and as fast."""
        try:
            document = self._store.get_by(PEOPLE, "username", canonical_name(username))
        except ValueError:
            document = None
        right = self._passwords.verify(document["password"] if document else None, password)
        return _person(document) if document and right and not document["suspended"] else None

    def get(self, id: str) -> Person | None:
        document = self._store.get(PEOPLE, id) if is_id(id) else None
        return _person(document) if document else None

    def find(self, text: str, region: str) -> Person | None:
        """By username, or by phone in any spelling. region: as `to_e164` reads phones."""
        try:
            document = self._store.get_by(PEOPLE, "username", canonical_name(text))
        except ValueError:
            try:
                document = self._store.get_by(PEOPLE, "msisdn", to_e164(text, region))
            except InvalidPhone:
                return None
        return _person(document) if document else None

    def of_phone(self, msisdn: str) -> Person | None:
        """msisdn: in E.164."""
        document = self._store.get_by(PEOPLE, "msisdn", msisdn)
        return _person(document) if document else None

    def suspend(self, id: str, suspended: bool) -> None:
        """Also lifts it. For an id that is there."""
        self._change(id, suspended=suspended)

    def set_pin(self, id: str, pin: str) -> None:
        """pin: hashed. For an id that is there."""
        self._change(id, pin=pin)

    def take_phone(self, id: str) -> None:
        """From somebody whose it is not. For an id that is there."""
        self._change(id, msisdn=None)

    def set_language(self, id: str, language: str) -> None:
        """For an id that is there."""
        self._change(id, language=language)

    def _change(self, id: str, **members: object) -> None:
        while True:
            document = self._store.get(PEOPLE, id)
            assert document is not None
            try:
                self._store.replace(PEOPLE, {**document, **members})
                return
            except Conflict:
                continue


def canonical_name(username: str) -> str:
    """What no two people share, however they spell it. Raises ValueError for what is no username."""
    name = unicodedata.normalize("NFKC", username)
    least, most = USERNAME
    if not (least <= len(name) <= most and _USERNAME.fullmatch(name)):
        raise ValueError("not a username")
    return name.casefold()


def _person(document: Document) -> Person:
    return Person(
        id=document["id"],
        username=document["shown"],
        msisdn=document["msisdn"],
        role=Role(document["role"]),
        suspended=bool(document["suspended"]),
        language=document.get("language"),
        has_pin=document.get("pin") is not None,
    )
