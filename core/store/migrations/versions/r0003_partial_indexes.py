"""Leaves documents without a value out of the indexes that look for one: operations that have ended are due no more.

The indexes of all tables, those of products too: each ends in `id`, and the column before it is the one that counts.
MySQL has no partial indexes, and keeps the whole ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    if op.get_bind().dialect.name not in ("sqlite", "postgresql"):
        return
    there = sa.inspect(op.get_bind())
    for table in there.get_table_names():
        for index in there.get_indexes(table):
            columns = [str(column) for column in index["column_names"]]
            if columns[-1] != "id" or len(columns) == 1 or index["unique"]:
                continue
            name, has_value = str(index["name"]), sa.text(f"{columns[-2]} IS NOT NULL")
            op.drop_index(name, table)
            op.create_index(name, table, columns, sqlite_where=has_value, postgresql_where=has_value)
