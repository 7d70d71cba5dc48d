"""Moves values that only one document may have into tables of their own, with the value as the id.

Each statement looks first whether it is needed: MySQL commits every one by itself, so an upgrade that was interrupted
begins again in its midst. The column goes last: while it is there, not all values may be claimed.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

KEY = (
    sa.String(255)
    .with_variant(sa.String(255, collation="C"), "postgresql")
    .with_variant(sa.VARBINARY(1020), "mysql", "mariadb")
)
TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
CLAIMED = {
    "operations": {"fingerprint": "fingerprints"},
    "people": {"username": "usernames", "msisdn": "phones"},
}
"""By table: the columns that were unique, and the tables of their claims."""
PAGE = 1000


def upgrade() -> None:
    for table, columns in CLAIMED.items():
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        for column, claims in columns.items():
            if column in there:
                _claim_all(table, column, claims)
                _drop(table, column)


def _claim_all(table: str, column: str, claims: str) -> None:
    connection, target = op.get_bind(), _claims(claims)
    target.create(connection, checkfirst=True)
    values = sa.table(table, sa.column("id", KEY), sa.column(column, KEY)).c
    page = sa.select(values[column], values.id).where(values[column].is_not(None)).order_by(values[column]).limit(PAGE)
    after: str | bytes = b"" if connection.dialect.name == "mysql" else ""
    while rows := connection.execute(page.where(values[column] > after)).all():
        after = rows[-1][0]
        known = set(connection.scalars(sa.select(target.c.id).where(target.c.id.in_([value for value, _ in rows]))))
        if new := [_row(value, holder) for value, holder in rows if value not in known]:
            connection.execute(target.insert(), new)


def _claims(name: str) -> sa.Table:
    id, version = sa.Column("id", KEY, primary_key=True), sa.Column("version", sa.Integer)
    document = sa.Column("document", TEXT)
    return sa.Table(name, sa.MetaData(), id, version, document, mysql_charset="utf8mb4", mariadb_charset="utf8mb4")


def _row(value: str | bytes, holder: str | bytes) -> dict[str, Any]:
    document = {"id": _text(value), "schema": 2, "holder": _text(holder), "version": 1}
    return {"id": value, "version": 1, "document": json.dumps(document, separators=(",", ":"), ensure_ascii=False)}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _drop(table: str, column: str) -> None:
    """Drops the column and its unique constraint, for which SQLite has to make the table anew."""
    unique = f"{table}_{column}_unique"
    with op.batch_alter_table(table) as batch:
        if op.get_bind().dialect.name != "mysql":
            batch.drop_constraint(unique, type_="unique")
        batch.drop_column(column)
