"""API keys of machine clients: shown once, stored as SHA-256, valid for some scopes until they are revoked."""

import hashlib
import secrets
from dataclasses import dataclass

from core.clock import Clock, to_rfc3339
from core.ids import new_id
from core.store.port import API_KEYS, Document, Store, scan, update

PREFIX = "qtk_"


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
        """Creates a key and returns it with its text, which cannot be shown again.

        The text has 256 random bits, so it needs no salt and no slow hash.
        """
        text = PREFIX + secrets.token_urlsafe(32)
        document = {
            "id": _digest(text),
            "key": new_id(),
            "name": name,
            "scopes": sorted(scopes),
            "created_at": to_rfc3339(self._clock.now()),
            "revoked_at": None,
        }
        return _key(self._store.insert(API_KEYS, document)), text

    def look_up(self, text: str) -> ApiKey | None:
        """The key of this text; None when there is none, or when it was revoked."""
        document = self._store.get(API_KEYS, _digest(text))
        return _key(document) if document and document["revoked_at"] is None else None

    def all(self) -> list[ApiKey]:
        return sorted(map(_key, scan(self._store, API_KEYS, {})), key=lambda key: key.id)

    def revoke(self, id: str) -> bool:
        """False when there is no such key, or it was revoked before."""
        revoked = False

        def revoke(document: Document) -> Document | None:
            nonlocal revoked
            revoked = document["revoked_at"] is None
            return {**document, "revoked_at": to_rfc3339(self._clock.now())} if revoked else None

        for document in scan(self._store, API_KEYS, {}):
            if document["key"] == id:
                update(self._store, API_KEYS, document["id"], revoke)
        return revoked


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(document: Document) -> ApiKey:
    return ApiKey(
        document["key"], document["name"], frozenset(document["scopes"]), document["created_at"], document["revoked_at"]
    )
