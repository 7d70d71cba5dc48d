"""A collection as an SQL table: declared fields as columns, the document as JSON text; a statement for each verb."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from core.store.port import AtMost, Collection, Condition, Document, OneOf, Scalar
from core.store.sealed import is_sealed
from core.upcasts import upcast

Add = Callable[[sa.Connection], None]
Values = dict[str, Any]
Edge = tuple[Scalar, str]
"""Where a page ended: the value of the order field, and the id."""

BACKFILL_PAGE = 1000
"""Documents read at once for a new column."""

SQLITE = sqlite.dialect(paramstyle="named")


class Statement:
    """A statement with named parameters. SQLite runs its text alone: SQLAlchemy takes longer than the statement."""

    def __init__(self, sql: sa.Executable) -> None:
        self.sql = sql

    @cached_property
    def sqlite(self) -> str:
        return str(self._compiled)

    @cached_property
    def defaults(self) -> Values:
        """The parameters that SQLite's dialect adds with a value, such as an OFFSET."""
        return {name: value for name, value in self._compiled.params.items() if value is not None}

    @cached_property
    def _compiled(self) -> sa.Compiled:
        assert isinstance(self.sql, sa.ClauseElement)
        return self.sql.compile(dialect=SQLITE)


Write = tuple[Statement, Values]


class _Utf8(sa.TypeDecorator[str]):
    """Text as bytes, for MySQL: its text columns lose trailing spaces when they compare."""

    impl = sa.VARBINARY
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else value.encode()

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else value.decode()


# Case, accents and trailing spaces count, and text sorts by code point.
KEY = (
    sa.String(255)
    .with_variant(sa.String(255, collation="C"), "postgresql")
    .with_variant(_Utf8(1020), "mysql", "mariadb")
)
# Not a JSON type: MySQL's reorders the keys, and PostgreSQL's binary one refuses \u0000.
TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_LIMIT = sa.bindparam("limit", type_=sa.Integer)


class Table:
    """A collection's table, and the statements that do not depend on their arguments."""

    def __init__(self, collection: Collection, metadata: sa.MetaData) -> None:
        name, self.fields = collection.name, collection.fields
        self.collection = collection
        columns = (sa.Column(field, KEY) for field in self.fields)
        id, version, document = (
            sa.Column("id", KEY, primary_key=True),
            sa.Column("version", sa.Integer),
            sa.Column("document", TEXT),
        )
        table = self.table = sa.Table(
            name, metadata, id, version, *columns, document, mysql_charset="utf8mb4", mariadb_charset="utf8mb4"
        )
        for fields in collection.indexes:
            has_value = table.c[fields[-1]].is_not(None)
            sa.Index(
                "_".join((name, *fields, "id")),
                *(table.c[field] for field in fields),
                id,
                sqlite_where=has_value,
                postgresql_where=has_value,
            )
        self._selects: dict[tuple[object, ...], Statement] = {}
        self._counts: dict[tuple[object, ...], Statement] = {}
        self.insert = Statement(table.insert())
        self.get = Statement(sa.select(document).where(_equals(id, "value")))
        same = (_equals(id, "old_id"), _equals(version, "old_version"))
        saved = {column.name: sa.bindparam(column.name, type_=column.type) for column in table.c if column is not id}
        self.replace = Statement(table.update().where(*same).values(saved))
        self.delete = Statement(table.delete().where(*same))

    def row(self, document: Document, text: str) -> Values:
        """The columns to save, but for the id."""
        return {"version": document["version"], "document": text} | {
            field: column_value(document.get(field)) for field in self.fields
        }

    def indexes(self) -> dict[str, Add]:
        """How to add each index to an older table that lacks it, by the index's name."""
        return {str(index.name): index.create for index in self.table.indexes}

    def add_column(self, field: str, connection: sa.Connection) -> None:
        """Adds the column of a declared field to an older table, with the values that the documents have."""
        columns, quote = self.table.c, connection.dialect.identifier_preparer.quote
        kind = columns[field].type.compile(connection.dialect)
        connection.execute(sa.text(f"ALTER TABLE {quote(self.table.name)} ADD COLUMN {quote(field)} {kind}"))
        page = sa.select(columns.id, columns.document).order_by(columns.id).limit(BACKFILL_PAGE)
        save = self.table.update().where(columns.id == sa.bindparam("old_id")).values({field: sa.bindparam("value")})
        after = ""
        while rows := connection.execute(page.where(columns.id > after)).all():
            after = rows[-1].id
            values = ((id, self._latest(json.loads(document)).get(field)) for id, document in rows)
            found = [{"old_id": id, "value": column_value(value)} for id, value in values if value is not None]
            if found:
                connection.execute(save, found)

    def _latest(self, document: Document) -> Mapping[str, Any]:
        # What a token holds cannot be declared here: `quittance data rotate` brings it out of there.
        return document if is_sealed(document) else upcast(self.collection.upcasts, document)

    def select(
        self, where: Mapping[str, Condition], order: str, limit: int, after: Edge | None
    ) -> tuple[Statement, Values]:
        """The statement of a `find`, made once for each form of question, and its values."""
        key = (_forms(where), order, after is None)
        if (statement := self._selects.get(key)) is None:
            statement = self._selects[key] = Statement(self._query(where, order, after is not None))
        values = _values(where, limit)
        if after is not None:
            values["edge"], values["place"] = column_value(after[0]), after[1]
        return statement, values

    def count(self, where: Mapping[str, Condition], limit: int) -> tuple[Statement, Values]:
        """The statement of a `count`, made once for each form of question, and its values."""
        key = _forms(where)
        if (statement := self._counts.get(key)) is None:
            counted = sa.select(self.table.c.id).where(*self._conditions(where)).limit(_LIMIT).subquery("counted")
            statement = self._counts[key] = Statement(sa.select(sa.func.count()).select_from(counted))
        return statement, _values(where, limit)

    def _query(self, where: Mapping[str, Condition], order: str, paged: bool) -> sa.Select[Any]:
        sort, id, down = self.column(order.removeprefix("-")), self.table.c.id, order.startswith("-")
        query = sa.select(self.table.c.document).where(sort.is_not(None), *self._conditions(where)).limit(_LIMIT)
        if paged:
            edge, place = sa.bindparam("edge", type_=sort.type), sa.bindparam("place", type_=id.type)
            last, this = sa.tuple_(edge, place), sa.tuple_(sort, id)
            # The first condition is implied by the second, but MySQL uses no index for the second.
            query = query.where(sort <= edge if down else sort >= edge, this < last if down else this > last)
        return query.order_by(*(column.desc() if down else column for column in dict.fromkeys((sort, id))))

    def _conditions(self, where: Mapping[str, Condition]) -> Iterator[sa.ColumnElement[bool]]:
        for field, condition in where.items():
            column = self.column(field)
            values = [sa.bindparam(name, type_=column.type) for name, _ in _named(field, condition)]
            match condition:
                case None:
                    yield column.is_(None)
                case AtMost():
                    yield column <= values[0]
                case OneOf():
                    yield column.in_(values)
                case _:
                    yield column == values[0]

    def column(self, field: str) -> sa.Column[Any]:
        self.collection.require(field)
        return self.table.c[field]


def column_value(value: Scalar) -> str | None:
    """A declared field as its column holds it: integers as text that sorts as they do, before any other text."""
    return f"\x01{value + 2**63:020d}" if isinstance(value, int) else value


def _equals(column: sa.Column[Any], parameter: str) -> sa.ColumnElement[bool]:
    return column == sa.bindparam(parameter, type_=column.type)


def _named(field: str, condition: Condition) -> list[tuple[str, Scalar]]:
    """The parameters of a condition, with their values."""
    match condition:
        case None:
            return []
        case AtMost():
            return [(f"where_{field}", condition.value)]
        case OneOf():
            return [(f"where_{field}_{number}", value) for number, value in enumerate(condition.values)]
    return [(f"where_{field}", condition)]


def _values(where: Mapping[str, Condition], limit: int) -> Values:
    named = (pair for field, condition in where.items() for pair in _named(field, condition))
    return {"limit": limit} | {name: column_value(value) for name, value in named}


def _forms(where: Mapping[str, Condition]) -> tuple[object, ...]:
    return tuple((field, _form(condition)) for field, condition in where.items())


def _form(condition: Condition) -> tuple[type, int]:
    """What the statement of a condition depends on."""
    return type(condition), len(condition.values) if isinstance(condition, OneOf) else 1
