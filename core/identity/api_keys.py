"""API keys of machine clients: shown once, stored as SHA-256, good for some scopes until they end or are revoked."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, StoreUnavailable
from core.ids import new_id
from core.store.port import API_KEYS, Document, Store, scan, update

PREFIX = "qtk_"
_TEXT = re.compile(r"qtk_[A-Za-z0-9_-]{43}")
USED_EVERY = timedelta(hours=1)
"""How old the time of the last use may be before it is written again: a write at each request would cost too much."""


@dataclass(frozen=True)
class Grant:
    """What a key is good for.

    scopes: what it allows; topics: patterns of the topics that it may use, such as `clinic.*.*`.
    networks: the only addresses that it is good from, such as `10.1.0.0/16`; empty for all.
    """

    scopes: frozenset[str]
    topics: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApiKey:
    """id: names the key for people and logs; client: the owner of what is asked with it, the same after a rotation.

    name: of the client; label: tells its keys apart.
    created_at, expires_at, used_at, revoked_at: RFC 3339 text, or None; used_at is exact to an hour.
    """

    id: str
    client: str
    name: str
    label: str
    grant: Grant
    created_at: str
    expires_at: str | None
    used_at: str | None
    revoked_at: str | None

    @property
    def scopes(self) -> frozenset[str]:
        return self.grant.scopes


class ApiKeys:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self, name: str, grant: Grant | frozenset[str], label: str = "", lifetime: timedelta | None = None
    ) -> tuple[ApiKey, str]:
        """Creates a key and returns it with its text, which cannot be shown again.

        grant: or only its scopes. lifetime: None for a key that does not expire.
        The text has 256 random bits, so it needs no salt and no slow hash.
        """
        id, grant = new_id(), grant if isinstance(grant, Grant) else Grant(grant)
        return self._insert(id, id, name, label, grant, lifetime)

    def look_up(self, text: str, address: str = "") -> ApiKey | None:
        """The key of this text; None when there is none, when it has ended, or when it is not good from the address.

        address: where the request comes from.
        """
        return self.valid(digest_of(text), address)

    def valid(self, digest: str, address: str = "") -> ApiKey | None:
        """As `look_up`, for the digest of a text."""
        document = self._store.get(API_KEYS, digest)
        if document is None or document["revoked_at"] is not None:
            return None
        key, now = _key(document), self._clock.now()
        if key.expires_at is not None and now >= from_rfc3339(key.expires_at):
            return None
        if not is_within(address, key.grant.networks):
            return None
        if key.used_at is None or now >= from_rfc3339(key.used_at) + USED_EVERY:
            # Another request may have written it, and no request fails for it.
            with suppress(Conflict, StoreUnavailable):
                self._store.replace(API_KEYS, {**document, "used_at": to_rfc3339(now)})
        return key

    def has(self, client: str, scope: str) -> bool:
        """Whether a client has a valid key with this scope."""
        theirs = (found for found in scan(self._store, API_KEYS, {}) if _key(found).client == client)
        return any(scope in found["scopes"] and self._is_valid(found) for found in theirs)

    def all(self) -> list[ApiKey]:
        return sorted(map(_key, scan(self._store, API_KEYS, {})), key=lambda key: key.id)

    def rotate(self, id: str, overlap: timedelta) -> tuple[ApiKey, str] | None:
        """Makes a key that takes over from another one, which ends after `overlap`.

        The new key has the other's client, grant, label and lifetime. None when there is no valid key of this id.
        """
        document = next((found for found in scan(self._store, API_KEYS, {}) if found["key"] == id), None)
        if document is None or not self._is_valid(document):
            return None
        old, now = _key(document), self._clock.now()
        lifetime = None if old.expires_at is None else from_rfc3339(old.expires_at) - from_rfc3339(old.created_at)
        made = self._insert(new_id(), old.client, old.name, old.label, old.grant, lifetime)

        def shorten(found: Document) -> Document | None:
            ends, kept = to_rfc3339(now + overlap), found.get("expires_at")
            # Rotated again or with a longer overlap, a key never lives longer than before.
            return {**found, "expires_at": ends} if kept is None or ends < kept else None

        update(self._store, API_KEYS, document["id"], shorten)
        return made

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

    def _insert(
        self, id: str, client: str, name: str, label: str, grant: Grant, lifetime: timedelta | None
    ) -> tuple[ApiKey, str]:
        text, now = PREFIX + secrets.token_urlsafe(32), self._clock.now()
        document = {
            "id": digest_of(text),
            "key": id,
            "client": client,
            "name": name,
            "label": label,
            "scopes": sorted(grant.scopes),
            "topics": list(grant.topics),
            "networks": list(grant.networks),
            "created_at": to_rfc3339(now),
            "expires_at": _after(now, lifetime),
            "used_at": None,
            "revoked_at": None,
        }
        return _key(self._store.insert(API_KEYS, document)), text

    def _is_valid(self, document: Document) -> bool:
        expires_at = document.get("expires_at")
        over = expires_at is not None and self._clock.now() >= from_rfc3339(expires_at)
        return document["revoked_at"] is None and not over


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is in one of these networks, or there are none. An IPv4 address in IPv6's form is IPv4."""
    known = list(networks)
    if not known:
        return True
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in ip_network(network) for network in known)


def _after(now: datetime, lifetime: timedelta | None) -> str | None:
    return None if lifetime is None else to_rfc3339(now + lifetime)


def looks_like_key(text: str) -> bool:
    """Whether a text has the form of a key: nobody guesses one, since 256 bits of it are random."""
    return _TEXT.fullmatch(text) is not None


def digest_of(text: str) -> str:
    """By what the store finds the key of this text. It is no key: nobody is let in with it, and it hides the text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(document: Document) -> ApiKey:
    """Release 0.1.0 kept no client, label, topics, networks, end or last use."""
    return ApiKey(
        document["key"],
        document["client"] if "client" in document else document["key"],
        document["name"],
        document.get("label", ""),
        Grant(frozenset(document["scopes"]), tuple(document.get("topics", ())), tuple(document.get("networks", ()))),
        document["created_at"],
        document.get("expires_at"),
        document.get("used_at"),
        document["revoked_at"],
    )
