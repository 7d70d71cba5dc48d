"""Where clients want to be told, of what, and the secrets that sign for them."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Clash, Conflict
from core.ids import new_id
from core.store.port import Collection, Document, OneOf, Store, scan, update

ENDPOINTS = "webhook_endpoints"
COLLECTION = Collection(ENDPOINTS, indexes=(("owner",), ("hears",)))
EVERYBODY = "*"
"""What an endpoint hears that is told of the operations of all clients."""
SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
"""How long the old secret still signs beside the new one."""
FAILING_FOR = timedelta(days=5)
"""An endpoint that has only failed for so long is switched off."""


class EndpointOff(Clash):
    """The endpoint is off, or was deleted. Switch it on first."""

    code = "endpoint_off"


class State(StrEnum):
    ON = "on"
    OFF = "off"
    FAILING = "failing"


@dataclass(frozen=True)
class Endpoint:
    """hears: the client of whose operations it is told, or EVERYBODY; types: patterns such as `payment.*`.

    failing_since: when the first of its failures was, if no delivery has succeeded since.
    why_off: why it is off, or None; secrets: those that sign now, the newest first; version: grows with each change.
    """

    id: str
    owner: str
    hears: str
    url: str
    types: tuple[str, ...]
    description: str
    state: State
    failing_since: datetime | None
    why_off: str | None
    secrets: tuple[str, ...]
    created_at: str
    version: int

    def wants(self, type: str) -> bool:
        return self.state is not State.OFF and any(matches(pattern, type) for pattern in self.types)


def matches(pattern: str, type: str) -> bool:
    """Whether a type is meant by a pattern: itself, `payment.*`, or `*`."""
    return pattern in (type, EVERYBODY, f"{type.partition('.')[0]}.*")


class Endpoints:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self, owner: str, url: str, types: Iterable[str], description: str = "", hears: str | None = None
    ) -> Endpoint:
        """hears: another client whose operations it is told of, or EVERYBODY; None: the owner."""
        now = to_rfc3339(self._clock.now())
        document = {
            "id": new_id(),
            "owner": owner,
            "hears": hears or owner,
            "url": url,
            "types": list(types),
            "description": description,
            "off": None,
            "failing_since": None,
            "secrets": [{"secret": new_secret(), "until": None}],
            "created_at": now,
        }
        return self._endpoint(self._store.insert(ENDPOINTS, document))

    def get(self, id: str) -> Endpoint | None:
        document = self._store.get(ENDPOINTS, id)
        return self._endpoint(document) if document else None

    def require_on(self, id: str) -> Endpoint:
        """Raises EndpointOff for an endpoint that is off, or that is not there any more."""
        found = self.get(id)
        if found is None or found.state is State.OFF:
            raise EndpointOff
        return found

    def of(self, owner: str) -> list[Endpoint]:
        """The endpoints of a client, the oldest first."""
        return [self._endpoint(document) for document in scan(self._store, ENDPOINTS, {"owner": owner})]

    def all(self) -> list[Endpoint]:
        """The endpoints of all clients, the oldest first."""
        return [self._endpoint(document) for document in scan(self._store, ENDPOINTS, {})]

    def page(self, owner: str | None, limit: int, after: str | None) -> list[Endpoint]:
        """At most so many endpoints of a client, or of all, newest first. after: the id of the last one before them."""
        where = {} if owner is None else {"owner": owner}
        edge = (after, after) if after else None
        documents = self._store.find(ENDPOINTS, where, order="-id", limit=limit, after=edge)
        return [self._endpoint(document) for document in documents]

    def hearing(self, client: str | None) -> list[Endpoint]:
        """The endpoints that are told of this client's operations."""
        who = OneOf(tuple(dict.fromkeys((client or EVERYBODY, EVERYBODY))))
        return [self._endpoint(document) for document in scan(self._store, ENDPOINTS, {"hears": who})]

    def change(self, id: str, members: Mapping[str, Any]) -> Endpoint | None:
        """Changes url, types or description. None where there is no such endpoint."""
        return self._update(id, lambda document: {**document, **members})

    def switch_on(self, id: str) -> Endpoint | None:
        """It is told again from now on; what failed meanwhile is not sent by itself."""
        return self._update(id, lambda document: {**document, "off": None, "failing_since": None})

    def switch_off(self, id: str, why: str) -> Endpoint | None:
        return self._update(id, lambda document: {**document, "off": why} if document["off"] is None else None)

    def switch_off_once(self, id: str, why: str) -> bool:
        """Returns whether it was on until now."""
        was_on = False

        def change(document: Document) -> Document | None:
            nonlocal was_on
            was_on = document["off"] is None
            return {**document, "off": why} if was_on else None

        return self._update(id, change) is not None and was_on

    def delete(self, id: str) -> None:
        """Deletes it, whatever others change meanwhile."""
        while (document := self._store.get(ENDPOINTS, id)) is not None:
            with suppress(Conflict):
                self._store.delete(ENDPOINTS, id, document["version"])

    def rotate(self, id: str) -> Endpoint | None:
        """Makes another secret. The one before still signs, for OVERLAP."""
        until = to_rfc3339(self._clock.now() + OVERLAP)

        def change(document: Document) -> Document:
            old = {**document["secrets"][0], "until": until}
            return {**document, "secrets": [{"secret": new_secret(), "until": None}, old]}

        return self._update(id, change)

    def succeeded(self, endpoint: Endpoint) -> None:
        """Notes that a delivery has succeeded."""
        if endpoint.failing_since is not None:
            self._update(endpoint.id, lambda document: {**document, "failing_since": None})

    def failed(self, endpoint: Endpoint) -> bool:
        """Notes that a delivery has failed. Returns whether the endpoint has to be switched off for it."""
        now = self._clock.now()
        if endpoint.failing_since is None:
            begun = to_rfc3339(now)
            self._update(
                endpoint.id, lambda document: {**document, "failing_since": document["failing_since"] or begun}
            )
            return False
        return endpoint.state is not State.OFF and now - endpoint.failing_since >= FAILING_FOR

    def _update(self, id: str, change: Any) -> Endpoint | None:
        document = update(self._store, ENDPOINTS, id, change)
        return self._endpoint(document) if document else None

    def _endpoint(self, document: Document) -> Endpoint:
        failing, now = document["failing_since"], to_rfc3339(self._clock.now())
        state = State.OFF if document["off"] else State.FAILING if failing else State.ON
        signing = (each["secret"] for each in document["secrets"] if each["until"] is None or each["until"] > now)
        return Endpoint(
            id=document["id"],
            owner=document["owner"],
            hears=document["hears"],
            url=document["url"],
            types=tuple(document["types"]),
            description=document["description"],
            state=state,
            failing_since=from_rfc3339(failing) if failing else None,
            why_off=document["off"],
            secrets=tuple(signing),
            created_at=document["created_at"],
            version=document["version"],
        )


def new_secret() -> str:
    """A secret as it is shown: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
