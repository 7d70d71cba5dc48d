"""The store on any SQL database: declared fields as columns, the document as JSON text, every verb one statement."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import COLLECTIONS, CONNECTIONS, Collection, Condition, Document
from core.store.schema import Schema
from core.store.server import Server
from core.store.sqlite import Sqlite
from core.store.table import Edge, Statement, Values, Write

WAIT_S = 5.0
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class SqlStore:
    """The Store port on SQLite (`sqlite:////path/file.db`, or `sqlite://` in memory), PostgreSQL and MySQL.

    url: as SQLAlchemy reads it. wait_s: seconds after which a busy or silent database is unavailable. connections: to a
    server, at most; as many as there are threads, or they wait for each other.
    A SQLite database is migrated when it is opened. A server is migrated by `SqlMigration` alone: until then, each use
    raises StoreUnavailable. Raises StoreUnavailable for a file that cannot be used. Build it after a fork, not before.
    """

    def __init__(
        self,
        url: str,
        wait_s: float = WAIT_S,
        collections: Mapping[str, Collection] = COLLECTIONS,
        connections: int = CONNECTIONS,
    ) -> None:
        schema = Schema(collections)
        self._tables = schema.tables
        with unavailable():
            url = with_driver(url)
            sqlite = url.startswith("sqlite")
            self._database: _Database = (
                Sqlite(url, wait_s, schema.migrate) if sqlite else Server(url, wait_s, schema.require, connections)
            )

    def insert(self, collection: str, document: Document) -> Document:
        document = {**document, "version": 1}
        self._write(self._insertion(collection, document))
        return document

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        self._write(*(self._insertion(collection, {**document, "version": 1}) for collection, document in documents))

    def get(self, collection: str, id: str) -> Document | None:
        with unavailable():
            texts = self._database.read(self._tables[collection].get, {"value": id})
        return _decode(texts[0]) if texts else None

    def replace(self, collection: str, document: Document) -> Document:
        table, old_version = self._tables[collection], document["version"]
        document = {**document, "version": old_version + 1}
        text = _encode(document)
        old = {"old_id": document["id"], "old_version": old_version}
        if not self._write((table.replace, table.row(document, text) | old)):
            raise Conflict(collection=collection, id=document["id"])
        return document

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: Edge | None = None,
    ) -> list[Document]:
        query, values = self._tables[collection].select(where, order, limit, after)
        with unavailable():
            return [_decode(text) for text in self._database.read(query, values)]

    def count(self, collection: str, where: Mapping[str, Condition], limit: int) -> int:
        query, values = self._tables[collection].count(where, limit)
        with unavailable():
            return int(self._database.read(query, values)[0])

    def delete(self, collection: str, id: str, version: int) -> None:
        if not self._write((self._tables[collection].delete, {"old_id": id, "old_version": version})):
            raise Conflict(collection=collection, id=id)

    def close(self) -> None:
        self._database.close()

    def _insertion(self, collection: str, document: Document) -> Write:
        table = self._tables[collection]
        return table.insert, table.row(document, _encode(document)) | {"id": document["id"]}

    def _write(self, *writes: Write) -> int:
        """Returns the number of rows that the last one wrote."""
        with unavailable():
            try:
                return self._database.write(*writes)
            except (sa.exc.IntegrityError, sqlite3.IntegrityError) as error:
                raise Duplicate(reason=str(getattr(error, "orig", None) or error)) from None


def with_driver(url: str) -> str:
    """The URL with the driver that is installed, unless it names one."""
    scheme, separator, rest = url.partition("://")
    return f"{DRIVERS.get(scheme, scheme)}{separator}{rest}"


def _decode(text: str) -> Document:
    document: Document = json.loads(text)
    return document


@contextmanager
def unavailable() -> Iterator[None]:
    """Raises errors of the database as those of the port: StoreUnavailable, or ValueError for a refused value."""
    try:
        yield
    except sa.exc.DataError as error:
        raise ValueError(str(error.orig)) from error
    except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error, OSError) as error:
        raise StoreUnavailable(reason=str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)) from error


class _Database(Protocol):
    """Where statements run, each for itself."""

    def read(self, statement: Statement, values: Values) -> Sequence[str]:
        """Returns the first column."""

    def write(self, *writes: Write) -> int:
        """In order, up to the first that fails. Durable when it returns the number of rows that the last one wrote."""

    def close(self) -> None: ...
