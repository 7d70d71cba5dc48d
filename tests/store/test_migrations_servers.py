"""A database of release 0.1.0 on PostgreSQL or MariaDB is migrated by the command, and by nothing else."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import StoreUnavailable
from core.installed import DEFAULT
from core.store.migrations import BASELINE, HEAD
from core.store.port import OPERATIONS, Collection
from core.store.revisions import upgrade
from core.store.sql import SqlStore, with_driver
from core.store.sql_migration import SqlMigration
from devtools.databases import own_database
from devtools.stores import StoreServer
from tests.store.earlier import RELEASE_0_1_0, ROOT, TABLES_0_1_0, opened_house, operations, tables, transfer_under_way
from tests.ussd.kit import Worker, assert_sound

SERVERS = ("postgresql", "mariadb")


class TestServer:
    """A database of release 0.1.0 on a server."""

    @pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(f"store-{name}")) for name in SERVERS])
    def url(self, request: pytest.FixtureRequest) -> Iterator[str]:
        server: StoreServer = request.getfixturevalue(request.param)
        with own_database(server.url) as url:
            yield url

    @pytest.fixture
    def old(self, url: str) -> str:
        """The same database, with what release 0.1.0 has written."""
        with connected(url) as target:
            upgrade(target, None, BASELINE)
            target.execute(sa.text("DROP TABLE alembic_version"))
            with closing(sqlite3.connect(":memory:")) as source:
                source.executescript(RELEASE_0_1_0.read_text())
                source.row_factory = sqlite3.Row
                for name in TABLES_0_1_0:
                    rows = [dict(row) for row in source.execute(f"SELECT * FROM {name}")]  # noqa: S608 (fixed names)
                    if rows:
                        names = rows[0].keys()
                        values = ", ".join(f":{field}" for field in names)
                        insert = f"INSERT INTO {name} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 (fixed names)
                        target.execute(sa.text(insert), rows)
            target.commit()
        return url

    def test_no_request_migrates_it(self, old: str) -> None:
        with connected(old) as connection:
            before = tables(connection)

        with closing(SqlStore(old, collections=DEFAULT.collections)) as store:
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="quittance migrate"):
                    store.find(OPERATIONS, {"kind": "wallet_transfer"})
            with connected(old) as connection:
                assert tables(connection) == before
            migrate(old)
            assert len(store.find(OPERATIONS, {"kind": "wallet_transfer"})) == 2

    def test_the_command_migrates_it(self, old: str, tmp_path: Path) -> None:
        with closing(SqlMigration(old, DEFAULT.collections)) as migration:
            before = migration.state()
            migration.run()
            after = migration.state()

        assert (before.before, before.after) == (BASELINE, HEAD)
        assert "apply revision 0002" in before.pending
        assert (after.before, after.pending) == (HEAD, ())
        with closing(SqlStore(old, collections=DEFAULT.collections)) as store:
            transfer = transfer_under_way(store)
            assert len(store.find(OPERATIONS, {"kind": "wallet_transfer", "counterparty": transfer.counterparty})) == 2
            house = opened_house(store)
            Worker(house, tmp_path).run()
            assert {str(operation.status) for operation in operations(store)} == {"succeeded"}
            assert_sound(store)

    def test_a_new_one_and_a_migrated_one_have_the_same_tables(self, url: str) -> None:
        with connected(url) as connection:
            upgrade(connection, None)
            connection.commit()
        migrate(url)
        with connected(url) as connection:
            migrated = tables(connection)
            for name in migrated:
                connection.execute(sa.text(f"DROP TABLE {name}"))
            connection.commit()
        migrate(url)

        with connected(url) as connection:
            assert tables(connection) == migrated

    def test_two_commands_at_once_both_succeed(self, old: str) -> None:
        program = (
            "import sys\nfrom core.installed import DEFAULT\nfrom core.store.sql_migration import SqlMigration\n"
            "SqlMigration(sys.argv[1], DEFAULT.collections).run()"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", program, old], cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]

        assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 3
        with closing(SqlMigration(old, DEFAULT.collections)) as migration:
            assert migration.state().pending == ()

    def test_what_a_product_declares_later_is_added_and_filled(self, url: str) -> None:
        migrate(url, {"parcels": Collection("parcels")})
        with closing(SqlStore(url, collections={"parcels": Collection("parcels")})) as plain:
            plain.insert("parcels", {"id": "p", "order": "o"})
        declared = {"parcels": Collection("parcels", indexes=(("order",),))}

        migrate(url, declared)

        with closing(SqlStore(url, collections=declared)) as store:
            assert store.find("parcels", {"order": "o"}) == [store.get("parcels", "p")]


def migrate(url: str, collections: Any = DEFAULT.collections) -> None:
    with closing(SqlMigration(url, collections)) as migration:
        migration.run()


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(with_driver(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
