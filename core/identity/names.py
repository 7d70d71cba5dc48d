"""The names of people: usernames and proven phones, each of which only one person has.

Anybody may say that a phone is theirs. Until they have proven it, they keep nobody else from it: they have its claim
only while nobody has proven it, or named it after them.
"""

from contextlib import suppress
from functools import partial

from core.claims import Claims
from core.errors import Duplicate, NameTaken
from core.store.port import PEOPLE, PHONES, USERNAMES, Document, Store, update

COLLECTIONS = {"username": USERNAMES, "msisdn": PHONES}
"""By member of a person: the collection of its claims."""


class Names:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claims = {
            field: Claims(store, collection, partial(self._has_lost, field))
            for field, collection in COLLECTIONS.items()
        }

    def find(self, field: str, name: str) -> Document | None:
        """The person who has this name."""
        document = self._holder(field, name)
        return document if document and _has(document, field, name) else None

    def naming(self, phone: str) -> Document | None:
        """The person who has this phone, or who named it last."""
        document = self._holder("msisdn", phone)
        return document if document and document.get("msisdn") == phone else None

    def take(self, field: str, name: str, person: str) -> None:
        """Claims a name for a person who was read before, and is saved with it afterwards. Raises NameTaken."""
        if self._claims[field].take(name, person):
            raise NameTaken(field)

    def register(self, person: Document) -> Document | None:
        """Stores a new person. Returns None when the id was voided meanwhile: then try another. Raises NameTaken."""
        names = {field: person[field] for field in COLLECTIONS if person[field] is not None}
        said = {field for field, name in names.items() if not _has(person, field, name)}
        try:
            new = (self._claims[field].new(name, person["id"]) for field, name in names.items())
            self._store.insert_all(*new, (PEOPLE, person))
            return person
        except Duplicate:
            pass  # some of the claims may be stored
        try:
            for field, name in names.items():
                with suppress(*[NameTaken] * (field in said)):
                    self.take(field, name, person["id"])
            return self._store.insert(PEOPLE, person)
        except NameTaken:
            for field, name in names.items():
                self._claims[field].release(name, person["id"])
            raise
        except Duplicate:
            return None

    def _has_lost(self, field: str, holder: str, name: str) -> bool:
        """See `Claims`. A holder who is not stored yet is voided and never will be; one who is stored is saved again,
        so that whoever is about to give them the name fails."""
        with suppress(Duplicate):
            self._store.insert(PEOPLE, {"id": holder, "void": True})
        left = update(self._store, PEOPLE, holder, lambda person: None if _has(person, field, name) else person)
        return left is not None and not _has(left, field, name)

    def _holder(self, field: str, name: str) -> Document | None:
        holder = self._claims[field].holder(name)
        return self._store.get(PEOPLE, holder) if holder else None


def is_proven(person: Document) -> bool:
    """Whether the person's phone is proven to be theirs. Releases before 0.2 had no other proof than a PIN."""
    return person.get("phone_proven_at") is not None or person.get("pin") is not None


def _has(person: Document, field: str, name: str) -> bool:
    return person.get(field) == name and (field != "msisdn" or is_proven(person))
