"""Keys of machine clients: shown once, stored as SHA-256, good for some scopes until they are revoked."""

import hashlib
import secrets
from dataclasses import dataclass

from core.clock import Clock, to_text
from core.errors import Conflict
from core.ids import new_id
from core.store.port import API_KEYS, Document, Store, scan

PREFIX = "qtk_"
SCOPES = frozenset({"consultations"})


@dataclass(frozen=True)
class ApiKey:
    """id: names it for people and logs; revoked_at: RFC 3339 text, or None."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: str
    revoked_at: str | None


class ApiKeys:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, scopes: frozenset[str]) -> tuple[ApiKey, str]:
        """The key, and its text: it cannot be told again. 256 random bits need no salt and no slow hash."""
        text = PREFIX + secrets.token_urlsafe(32)
        document = {
            "id": _digest(text),
            "key": new_id(),
            "name": name,
            "scopes": sorted(scopes),
            "created_at": to_text(self._clock.now()),
            "revoked_at": None,
        }
        return _key(self._store.insert(API_KEYS, document)), text

    def look_up(self, text: str) -> ApiKey | None:
        """The key of this text; None when there is none, or no longer."""
        document = self._store.get(API_KEYS, _digest(text))
        return _key(document) if document and document["revoked_at"] is None else None

    def all(self) -> list[ApiKey]:
        return sorted(map(_key, scan(self._store, API_KEYS, {})), key=lambda key: key.id)

    def revoke(self, id: str) -> bool:
        """False when there is no such key, or it was revoked before."""
        for document in scan(self._store, API_KEYS, {}):
            while document and document["key"] == id and document["revoked_at"] is None:
                try:
                    self._store.replace(API_KEYS, {**document, "revoked_at": to_text(self._clock.now())})
                    return True
                except Conflict:
                    document = self._store.get(API_KEYS, document["id"]) or {}
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(document: Document) -> ApiKey:
    return ApiKey(
        document["key"], document["name"], frozenset(document["scopes"]), document["created_at"], document["revoked_at"]
    )
