"""Renames the column `counterpart` of operations, and its index, to `counterparty`.

Each statement looks first whether it is needed: MySQL commits every one by itself, so an upgrade that was interrupted
begins again in its midst.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLE, OLD, NEW = "operations", "counterpart", "counterparty"
OLD_INDEX, NEW_INDEX = "operations_kind_counterpart_id", "operations_kind_counterparty_id"


def upgrade() -> None:
    there = sa.inspect(op.get_bind())
    columns = {column["name"] for column in there.get_columns(TABLE)}
    indexes = {index["name"] for index in there.get_indexes(TABLE)}
    if OLD in columns and NEW in columns:
        # An unreleased version added the new column, and left the old one where it was.
        op.execute(f"UPDATE {TABLE} SET {NEW} = {OLD} WHERE {NEW} IS NULL")  # noqa: S608 (fixed names)
        if OLD_INDEX in indexes:
            op.drop_index(OLD_INDEX, TABLE)
            indexes.remove(OLD_INDEX)
        op.drop_column(TABLE, OLD)
    elif OLD in columns:
        op.execute(f"ALTER TABLE {TABLE} RENAME COLUMN {OLD} TO {NEW}")
    if OLD_INDEX in indexes and NEW_INDEX not in indexes:
        _rename_index()


def _rename_index() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(f"ALTER INDEX {OLD_INDEX} RENAME TO {NEW_INDEX}")
    elif dialect == "sqlite":  # it cannot rename one
        op.drop_index(OLD_INDEX, TABLE)
        op.create_index(NEW_INDEX, TABLE, ["kind", NEW, "id"])
    else:
        op.execute(f"ALTER TABLE {TABLE} RENAME INDEX {OLD_INDEX} TO {NEW_INDEX}")
