"""How a database comes to have the tables of some collections."""

from collections.abc import Mapping
from functools import partial

import sqlalchemy as sa

from core.errors import StoreUnavailable
from core.store.migrations import HEAD, REVISIONS
from core.store.port import Collection
from core.store.revisions import revision_of, stamp, upgrade
from core.store.table import Add, Table


class Schema:
    """The tables of some collections: how a database comes to have them."""

    def __init__(self, collections: Mapping[str, Collection]) -> None:
        self._metadata = sa.MetaData()
        self.tables = {name: Table(collection, self._metadata) for name, collection in collections.items()}

    def migrate(self, connection: sa.Connection) -> None:
        """Brings a database to this release: a new one, or one of an earlier release.

        No other process may migrate it at the same time. Raises StoreUnavailable for a database of a later release.
        """
        revision = revision_of(connection)
        if revision is None:
            self._metadata.create_all(connection)
            stamp(connection)
            return
        if revision != HEAD:
            upgrade(connection, revision)
        for _, add in self._missing(connection):
            add(connection)

    def pending(self, connection: sa.Connection) -> list[str]:
        """What `migrate` would do, in words. Raises StoreUnavailable for a database of a later release."""
        revision = revision_of(connection)
        if revision is None:
            return ["make all tables"]
        if revision != HEAD:
            return [f"apply revision {later}" for later in REVISIONS if later > revision]
        return [what for what, _ in self._missing(connection)]

    def require(self, connection: sa.Connection) -> None:
        """Raises StoreUnavailable for a database that has to be migrated first."""
        if pending := self.pending(connection):
            raise StoreUnavailable(reason=f"the database needs `quittance migrate`, to {', '.join(pending)}")

    def _missing(self, connection: sa.Connection) -> list[tuple[str, Add]]:
        """The tables, columns and indexes that have been declared since: what to add, in words, and how."""
        there = sa.inspect(connection)
        names = set(there.get_table_names())
        missing: list[tuple[str, Add]] = []
        for name, table in self.tables.items():
            if name not in names:
                missing.append((f"make the table {name}", table.table.create))
                continue
            columns = {column["name"] for column in there.get_columns(name)}
            missing += [
                (f"add the column {name}.{field}", partial(table.add_column, field))
                for field in table.fields
                if field not in columns
            ]
            made = {index["name"] for index in there.get_indexes(name)}
            missing += [(f"make the index {name}", add) for name, add in table.indexes().items() if name not in made]
        return missing
