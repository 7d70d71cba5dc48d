"""The store on any SQL database: declared fields as columns, the document as JSON text, every verb one statement."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import COLLECTIONS, AtMost, Collection, Condition, Document, Scalar
from core.store.sqlite import Result, Sqlite, Work

WAIT_S = 5.0
POOL = 16
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


class _Utf8(sa.TypeDecorator[str]):
    """Text as bytes, for MySQL: its text columns lose trailing spaces when they compare."""

    impl = sa.VARBINARY
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else value.encode()


# Case, accents and trailing spaces count, and text sorts by code point.
KEY = (
    sa.String(255)
    .with_variant(sa.String(255, collation="C"), "postgresql")
    .with_variant(_Utf8(1020), "mysql", "mariadb")
)
# Not a JSON type: MySQL's reorders the keys, and PostgreSQL's binary one refuses \u0000.
TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

_METADATA = sa.MetaData()
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class _Table:
    """A collection's table, and the statements that do not depend on their arguments."""

    def __init__(self, collection: Collection) -> None:
        name, self.fields = collection.name, collection.fields
        columns = (sa.Column(field, KEY) for field in self.fields)
        id, version, document = (
            sa.Column("id", KEY, primary_key=True),
            sa.Column("version", sa.Integer),
            sa.Column("document", TEXT),
        )
        table = self.table = sa.Table(
            name, _METADATA, id, version, *columns, document, mysql_charset="utf8mb4", mariadb_charset="utf8mb4"
        )
        self.unique = {f"{name}_{field}_unique": field for field in collection.unique}
        for index, field in self.unique.items():
            # Made with the table, not after it: a process that starts meanwhile never sees one without the other.
            table.append_constraint(sa.UniqueConstraint(field, name=index))
        for fields in collection.indexes:
            sa.Index("_".join((name, *fields, "id")), *(table.c[field] for field in fields), id)
        self.insert = table.insert()
        self.get = {
            field: sa.select(document).where(table.c[field] == sa.bindparam("value"))
            for field in ("id", *collection.unique)
        }
        same = (id == sa.bindparam("old_id"), version == sa.bindparam("old_version"))
        self.replace = table.update().where(*same)
        self.delete = table.delete().where(*same)

    def row(self, document: Document, text: str) -> dict[str, Any]:
        """The columns to save, but for the id."""
        return {"version": document["version"], "document": text} | {
            field: _key(document.get(field)) for field in self.fields
        }

    def column(self, field: str) -> sa.Column[Any]:
        if field != "id" and field not in self.fields:
            raise ValueError(f"{self.table.name} declares no field {field!r}")
        return self.table.c[field]

    def duplicate(self, error: sa.exc.IntegrityError) -> Duplicate:
        """SQLite ends its message with the field, MySQL with the index; PostgreSQL has a name for it apart."""
        message = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or str(error.orig)
        last = re.findall(r"\w+", message)[-1]
        return Duplicate(self.unique.get(last, last if last in self.fields else "id"))


_TABLES = {name: _Table(collection) for name, collection in COLLECTIONS.items()}


def _make(connection: sa.Connection) -> None:
    """Makes the tables that are missing, and the columns and indexes that those of an earlier release lack.

    What was stored before has no value in a new column: nobody could have declared one.
    """
    _METADATA.create_all(connection)
    there = sa.inspect(connection)
    for table in _METADATA.sorted_tables:
        known = {column["name"] for column in there.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                kind = column.type.compile(connection.dialect)
                connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
        made = {index["name"] for index in there.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in made:
                index.create(connection)


class SqlStore:
    """The Store port on SQLite (`sqlite:////path/file.db`, or `sqlite://` in memory), PostgreSQL and MySQL.

    url: as SQLAlchemy reads it. wait_s: seconds after which a busy or silent database is unavailable.
    Makes the tables that are missing, on a server at the first use. Raises StoreUnavailable for a file that cannot be
    used. Build it after a fork, not before.
    """

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        with _unavailable():
            url = _with_driver(url)
            sqlite = url.startswith("sqlite")
            self._database: _Database = Sqlite(url, wait_s, _make) if sqlite else _Server(url, wait_s, _make)

    def insert(self, collection: str, document: Document) -> Document:
        table, document = _TABLES[collection], {**document, "version": 1}
        text = _encode(document)
        self._write(table, table.insert, table.row(document, text) | {"id": document["id"]})
        return document

    def get(self, collection: str, id: str) -> Document | None:
        return self.get_by(collection, "id", id)

    def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
        query = _TABLES[collection].get.get(field)
        if query is None:
            raise ValueError(f"{collection} has no unique field {field!r}")
        with _unavailable():
            text = self._database.read(lambda connection: connection.execute(query, {"value": _key(value)}).scalar())
        return None if text is None else _decode(text)

    def replace(self, collection: str, document: Document) -> Document:
        table, old_version = _TABLES[collection], document["version"]
        document = {**document, "version": old_version + 1}
        text = _encode(document)
        old = {"old_id": document["id"], "old_version": old_version}
        if not self._write(table, table.replace, table.row(document, text) | old):
            raise Conflict(collection=collection, id=document["id"])
        return document

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: tuple[Scalar, str] | None = None,
    ) -> list[Document]:
        query = _query(_TABLES[collection], where, order, after).limit(limit)
        with _unavailable():
            texts = self._database.read(lambda connection: connection.execute(query).scalars().all())
        return [_decode(text) for text in texts]

    def delete(self, collection: str, id: str, version: int) -> None:
        table = _TABLES[collection]
        if not self._write(table, table.delete, {"old_id": id, "old_version": version}):
            raise Conflict(collection=collection, id=id)

    def close(self) -> None:
        self._database.close()

    def _write(self, table: _Table, statement: sa.Executable, values: dict[str, Any]) -> int:
        """Returns the number of rows written."""
        with _unavailable():
            try:
                return self._database.write(lambda connection: connection.execute(statement, values).rowcount)
            except sa.exc.IntegrityError as error:
                raise table.duplicate(error) from None


def _with_driver(url: str) -> str:
    """The URL with the driver that is installed, unless it names one."""
    scheme, separator, rest = url.partition("://")
    return f"{DRIVERS.get(scheme, scheme)}{separator}{rest}"


def _query(
    table: _Table, where: Mapping[str, Condition], order: str, after: tuple[Scalar, str] | None
) -> sa.Select[Any]:
    sort, id = table.column(order.removeprefix("-")), table.table.c.id
    query = sa.select(table.table.c.document).where(sort.is_not(None))
    for field, condition in where.items():
        column = table.column(field)
        query = query.where(
            column <= _key(condition.value) if isinstance(condition, AtMost) else column == _key(condition)
        )
    down = order.startswith("-")
    if after is not None:
        edge, place = (_key(after[0]), after[1]), sa.tuple_(sort, id)
        # The first half says nothing new, but MySQL uses no index for the second.
        query = query.where(sort <= edge[0] if down else sort >= edge[0], place < edge if down else place > edge)
    return query.order_by(*(column.desc() if down else column for column in dict.fromkeys((sort, id))))


def _key(value: Scalar) -> str | None:
    """A declared field as its column holds it: integers as text that sorts as they do, before any other text."""
    return f"\x01{value + 2**63:020d}" if isinstance(value, int) else value


def _decode(text: str) -> Document:
    document: Document = json.loads(text)
    return document


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except sa.exc.DataError as error:
        raise ValueError(str(error.orig)) from error
    except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
        raise StoreUnavailable(reason=str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)) from error


class _Database(Protocol):
    """Where statements run. A write is one statement, durable when `write` returns."""

    def read(self, work: Work[Result]) -> Result: ...

    def write(self, work: Work[Result]) -> Result: ...

    def close(self) -> None: ...


class _Server:
    """PostgreSQL or MySQL: a pool, and each statement its own transaction. The server may be down when it is built."""

    def __init__(self, url: str, wait_s: float, prepare: Work[None]) -> None:
        self._prepare: Work[None] | None = prepare
        self._engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=wait_s,
            pool_pre_ping=True,
            connect_args=_time_limits(url, int(wait_s)),
        )

    def read(self, work: Work[Result]) -> Result:
        with self._engine.connect() as connection:
            if self._prepare:
                self._make_tables(connection, self._prepare)
            return work(connection)

    write = read

    def close(self) -> None:
        self._engine.dispose()

    def _make_tables(self, connection: sa.Connection, prepare: Work[None]) -> None:
        for attempts_left in reversed(range(len(_TABLES) + 1)):
            try:
                prepare(connection)
                break
            except sa.exc.DBAPIError:  # another process may have made a table between the look and the making
                if not attempts_left:
                    raise
        self._prepare = None


def _time_limits(url: str, wait_s: int) -> dict[str, Any]:
    """What makes the driver give up on a server that has gone silent, in its own words."""
    if url.startswith("postgresql"):
        alive = {"keepalives_idle": wait_s, "keepalives_interval": 1, "keepalives_count": 3}
        return {"connect_timeout": wait_s, "tcp_user_timeout": wait_s * 1000, **alive}
    return {"connect_timeout": wait_s, "read_timeout": wait_s, "write_timeout": wait_s}
