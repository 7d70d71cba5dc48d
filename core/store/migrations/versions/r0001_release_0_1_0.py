"""The core's tables as release 0.1.0 made them. Frozen: it does not follow what collections declare today."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

KEY = (
    sa.String(255)
    .with_variant(sa.String(255, collation="C"), "postgresql")
    .with_variant(sa.VARBINARY(1020), "mysql", "mariadb")
)
TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "api_keys": ((), ()),
    "attempts": ((), ()),
    "claims": ((), ()),
    "idempotency_keys": ((), ()),
    "journal": ((), ("account",)),
    "operations": (("fingerprint",), ("kind", "due_at", "status", "subject", "counterpart")),
    "partners": ((), ()),
    "people": (("username", "msisdn"), ()),
    "ussd_sessions": ((), ()),
    "wallets": ((), ()),
}
"""By table: the columns that are unique, and the others."""
INDEXES = {
    "journal": (("account",),),
    "operations": (("kind",), ("kind", "due_at"), ("kind", "status"), ("kind", "subject"), ("kind", "counterpart")),
}


def upgrade() -> None:
    for name, (unique, others) in TABLES.items():
        columns: list[sa.Column[Any]] = [
            sa.Column("id", KEY, primary_key=True),
            sa.Column("version", sa.Integer),
            *(sa.Column(field, KEY) for field in (*unique, *others)),
            sa.Column("document", TEXT),
        ]
        constraints = (sa.UniqueConstraint(field, name=f"{name}_{field}_unique") for field in unique)
        op.create_table(name, *columns, *constraints, mysql_charset="utf8mb4", mariadb_charset="utf8mb4")
    for name, indexes in INDEXES.items():
        for fields in indexes:
            op.create_index("_".join((name, *fields, "id")), name, [*fields, "id"])
