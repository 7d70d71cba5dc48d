"""Idempotency keys: a claim for each key, which remembers the payload that it was sent with and names its operation."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from core.claims import claim
from core.clock import from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, IdempotencyKeyReused
from core.operation import fingerprint
from core.store.port import IDEMPOTENCY_KEYS, OPERATIONS, Document, Store, update
from core.upcasts import CLAIM, upcast

Claim = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """What makes two requests of a client the same one.

    payload: what the client wrote, to which the key is bound.
    name: the client's own key. None: the payload's hash acts as a key that is over after `same_within_s`.
    """

    client: str
    kind: str
    payload: Mapping[str, Any]
    name: str | None
    same_within_s: float | None = None

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.kind, self.payload)

    @cached_property
    def id(self) -> str:
        # No client's key begins with a newline.
        name = self.name or f"\n{self.fingerprint}"
        return hashlib.sha256(f"{self.client}\n{name}".encode()).hexdigest()

    def claim(self, operation: str, now: datetime) -> tuple[str, Document]:
        """What `insert_all` stores before the operation, so that no key is lost."""
        at = to_rfc3339(now)
        return IDEMPOTENCY_KEYS, claim(self.id, operation, fingerprint=self.fingerprint, created_at=at)

    def find(self, store: Store, now: datetime) -> Claim | None:
        """The key's claim, or None for a key that was not used or is over. Raises IdempotencyKeyReused."""
        found = self._read(store)
        if found is None or self._is_over(found, now):
            return None
        return self._checked(found)

    def take(self, store: Store, operation: str, now: datetime) -> str:
        """Claims the key for an operation. Returns the one that it names already, if it does.

        Raises IdempotencyKeyReused.
        """
        _, mine = self.claim(operation, now)
        found: Claim | None = self._read(store)
        try:
            if found is None:
                found = store.insert(IDEMPOTENCY_KEYS, mine)
            elif self._is_over(found, now):
                found = store.replace(IDEMPOTENCY_KEYS, {**mine, "version": found["version"]})
        except (Duplicate, Conflict):
            found = self._read(store)
        holder: str = self._checked(found or mine)["holder"]
        return holder

    def renew(self, store: Store, former: str, new: str) -> str:
        """Has the key name another id, as another command has stored its operation under the former one.

        Returns the id that it names.
        """

        def change(found: Document) -> Document | None:
            return None if found["holder"] != former else {**found, "holder": new, "settled": False}

        return self._changed(store, change, new)

    def settle(self, store: Store, mine: str) -> str:
        """Called before an operation is stored that the key names already: from then on the key is not pointed away.

        Returns the operation that the key names.
        """

        def change(found: Document) -> Document | None:
            return None if found["holder"] != mine or found.get("settled") else {**found, "settled": True}

        return self._changed(store, change, mine)

    def point(self, store: Store, mine: str, other: str) -> str:
        """Points the key at a stored operation, unless that which it names is stored or about to be.

        mine: what the key named before. Returns the operation that it names: to all requests with this key the same.
        """

        def change(found: Document) -> Document | None:
            if mine == other or found["holder"] != mine or found.get("settled") or store.get(OPERATIONS, mine):
                return None
            return {**found, "holder": other}

        return self._changed(store, change, other)

    def _changed(self, store: Store, change: Callable[[Document], Document | None], default: str) -> str:
        now = update(store, IDEMPOTENCY_KEYS, self.id, lambda found: change(dict(upcast(CLAIM, found))))
        return str(upcast(CLAIM, now)["holder"]) if now else default

    def _read(self, store: Store) -> Claim | None:
        found = store.get(IDEMPOTENCY_KEYS, self.id)
        return upcast(CLAIM, found) if found else None

    def _is_over(self, found: Claim, now: datetime) -> bool:
        if self.name:
            return False
        return now - from_rfc3339(found["created_at"]) >= timedelta(seconds=self.same_within_s or 0)

    def _checked(self, found: Claim) -> Claim:
        if found["fingerprint"] != self.fingerprint:
            raise IdempotencyKeyReused(key=self.name)
        return found
