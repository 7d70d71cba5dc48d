"""Finds operations by whatever somebody has of them: an id, a reference, a phone, a name that others have for them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.contract import Contract
from core.errors import InvalidPhone
from core.ids import is_id
from core.operation import SHORT_CHARS, Operation
from core.operation_names import KEY, MAX_CHARS, PARTNER, holders, named
from core.phone import DIALLED, to_e164
from core.short_references import lengthened
from core.store.port import OPERATIONS, Condition, Store

HEXADECIMAL = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Finder:
    """store: of the operations; contracts: those of the installed products, by kind.

    Each question is a bounded number of look-ups in an index, at most one for each kind: nothing is scanned.
    """

    store: Store
    contracts: Mapping[str, Contract[Any]]

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The kinds that people and machines ask for."""
        return tuple(kind for kind, contract in self.contracts.items() if contract.doors)

    def find(self, typed: str, region: str, limit: int) -> list[Operation]:
        """The operations that this text may mean, newest first, at most so many.

        region: whose phones are typed without a country code, in ISO 3166.
        """
        typed = typed.strip()
        if not 0 < len(typed) <= MAX_CHARS or not typed.isprintable():
            return []
        if (found := self.by_reference(typed) or next(self.load([typed]), None)) is not None:
            return [found]
        ids = set(self.by_short(typed, limit))
        for name in {named(PARTNER, typed), named(KEY, typed), *self.names_typed(typed)}:
            ids |= set(holders(self.store, name, limit))
        found_by_party = self.by_party(party_of(typed, region), limit)
        operations = {operation.id: operation for operation in (*self.load(ids), *found_by_party)}
        return sorted(operations.values(), key=lambda operation: operation.id, reverse=True)[:limit]

    def by_reference(self, text: str) -> Operation | None:
        """The operation of this id, or of a reference that we gave a partner."""
        id = (lengthened(text) or text).partition(":")[0].lower()
        return next(self.load([id]), None) if is_id(id) else None

    def by_short(self, text: str, limit: int) -> Iterator[str]:
        """The ids of the operations with this short reference."""
        short = text.lower()
        if len(short) == SHORT_CHARS and set(short) <= HEXADECIMAL:
            found = self.store.find(OPERATIONS, {"short": short}, order="-id", limit=limit)
            yield from (document["id"] for document in found)

    def by_party(self, party: str, limit: int) -> list[Operation]:
        """The newest operations of a party, such as a phone in E.164: on either side."""
        sides = ({"subject": party}, {"counterparty": party})
        found = [operation for side in sides for operation in self.newest(self.asked_for, side, limit)]
        return list({operation.id: operation for operation in found}.values())

    def newest(
        self, kinds: Iterable[str], where: Mapping[str, Condition], limit: int, after: str | None = None
    ) -> list[Operation]:
        """The newest operations of these kinds that meet the conditions, in one order; one look-up for each kind.

        after: the id of the last operation of the page before; only older ones follow.
        """
        edge = (after, after) if after else None
        found = [
            document
            for kind in kinds
            for document in self.store.find(OPERATIONS, {"kind": kind, **where}, order="-id", limit=limit, after=edge)
        ]
        found.sort(key=lambda document: str(document["id"]), reverse=True)
        return [Operation.from_document(document) for document in found[:limit]]

    def load(self, ids: Iterable[str]) -> Iterator[Operation]:
        """The operations of these ids that are stored, of installed products."""
        for id in ids:
            document = self.store.get(OPERATIONS, id)
            if document is not None and document["kind"] in self.contracts:
                yield Operation.from_document(document)

    def names_typed(self, typed: str, sort: str = "") -> tuple[str, ...]:
        """The names that somebody may mean who types this. sort: only those of one sort."""
        names = (name for contract in self.contracts.values() for name in contract.typed(typed))
        return tuple(name for name in names if name.startswith(f"{sort}:" if sort else ""))


def party_of(text: str, region: str) -> str:
    """A phone in E.164 where the text is one; else the text."""
    if DIALLED.fullmatch(text):
        try:
            return to_e164(text, region)
        except InvalidPhone:
            return text
    return text
