"""Which revision a database is at, and the way to the latest one."""

import threading
from pathlib import Path

import sqlalchemy as sa

from core.errors import StoreUnavailable
from core.store import migrations
from core.store.migrations import BASELINE, HEAD, REVISIONS
from core.store.port import OPERATIONS

_VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True, nullable=False)
)
_alembic = threading.Lock()
"""Alembic keeps the migration that runs in variables of its modules: one at a time in a process."""


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of a database; None for one without our tables.

    Raises StoreUnavailable for a revision of a later release.
    """
    names = set(sa.inspect(connection).get_table_names())
    written = connection.scalar(sa.select(_VERSION.c.version_num)) if _VERSION.name in names else None
    if written is None:
        return BASELINE if OPERATIONS in names else None
    if written not in REVISIONS:
        raise StoreUnavailable(reason=f"a later release has migrated this database, to revision {written}")
    return str(written)


def stamp(connection: sa.Connection, revision: str = HEAD) -> None:
    """Writes down which revision a database is at."""
    _VERSION.create(connection, checkfirst=True)
    connection.execute(_VERSION.delete())
    connection.execute(_VERSION.insert().values(version_num=revision))


def upgrade(connection: sa.Connection, start: str | None, to: str = HEAD) -> None:
    """Applies the revisions after `start`, up to `to`; None: from the first one. They belong to the transaction of the
    connection."""
    # Imported here: it takes a quarter of a second, and is seldom needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    with _alembic:
        if start is not None:
            stamp(connection, start)
        command.upgrade(config, to)
