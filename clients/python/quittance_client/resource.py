"""What the products have in common: requests below a path, and operations that are followed until they end."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from quittance_client.answers import ENDED, Operation
from quittance_client.connection import Connection

View = TypeVar("View", bound=Operation)
MAX_WAIT_S = 30
"""What the API waits at most for one request."""
POLL_S = 2.0
"""Between two requests, when the API does not hold its answer because many wait already."""


def new_key() -> str:
    """A new Idempotency-Key. Store it with your order before the first attempt."""
    return str(uuid4())


def written(amount: Decimal | int) -> str:
    """An amount as the API reads it. Raises TypeError for a float, which is no amount of money."""
    if isinstance(amount, float):
        raise TypeError("an amount of money is a Decimal or an int, not a float")
    return f"{Decimal(amount):f}"


def moment_of(moment: datetime | None) -> str | None:
    """RFC 3339. Raises ValueError for a time without a zone."""
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as datetime.UTC")
    return None if moment is None else moment.isoformat()


class Resource:
    """The routes of one product below a path."""

    def __init__(self, connection: Connection, path: str, plural: str) -> None:
        self._connection, self._path, self._plural = connection, path, plural

    def _get(self, *parts: str, wait_s: int = 0, path: str | None = None) -> Any:
        return self._connection.request("GET", "/".join([path or self._path, *map(quoted, parts)]), wait_s=wait_s)

    def _post(self, path: str, body: Mapping[str, Any], key: str | None, wait_s: int = 0) -> Any:
        known = {name: value for name, value in body.items() if value is not None}
        return self._connection.request("POST", path, body=known, key=key or new_key(), wait_s=wait_s)

    def _list(self, query: Mapping[str, Any]) -> Iterator[Any]:
        return self._connection.items(self._path, self._plural, query)


def quoted(part: str) -> str:
    return quote(part, safe="")


class Kind(Resource, Generic[View]):
    """The routes that payments, payouts and refunds have in common."""

    def get(self, id: str, *, wait_s: int = 0) -> View:
        """wait_s: the API may hold its answer so long, at most 30 s, until the operation has ended. Raises Problem."""
        found: View = self._get(id, wait_s=wait_s)
        return found

    def follow(self, id: str, *, within_s: float) -> View:
        """The operation once it has ended, or as it is after `within_s` seconds. Raises Problem."""
        connection = self._connection
        until = connection.clock() + within_s
        while True:
            began = connection.clock()
            found = self.get(id, wait_s=max(0, min(MAX_WAIT_S, int(until - began))))
            if found["status"] in ENDED or connection.clock() >= until:
                return found
            if connection.clock() - began < POLL_S:
                connection.sleep(POLL_S)
