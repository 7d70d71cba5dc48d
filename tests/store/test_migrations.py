"""A store that release 0.1.0 has written is opened by this release: tables, documents, and what is under way."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import StoreUnavailable
from core.installed import DEFAULT
from core.operation import SCHEMA
from core.store.migrations import REVISIONS
from core.store.port import OPERATIONS, USSD_SESSIONS, Collection, scan
from core.store.schema import Schema
from core.store.sql import SqlStore
from core.store.sql_migration import SqlMigration
from proof.ledger import examine_ledger
from tests.store.earlier import AWA, KOFI, ROOT, opened_house, operations, tables, transfer_under_way, write_0_1_0
from tests.ussd.kit import Phone, Worker, assert_sound, balance


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_0_1_0(tmp_path / "store.db")
    return tmp_path / "store.db"


@pytest.fixture
def open_store(path: Path) -> Iterator[Callable[[], SqlStore]]:
    """Opens the file with this release."""
    opened: list[SqlStore] = []

    def open_one() -> SqlStore:
        opened.append(SqlStore(f"sqlite:///{path}", wait_s=60, collections=DEFAULT.collections))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as file:
        return list(file.iterdump())


class TestRelease010:
    """The file of release 0.1.0, on SQLite."""

    def test_every_operation_is_read(self, open_store: Callable[[], SqlStore]) -> None:
        found = operations(open_store())

        states = sorted((operation.kind, str(operation.status)) for operation in found)
        assert states == [
            ("fine_payment", "accepted"),
            ("sms", "succeeded"),
            ("wallet_top_up", "succeeded"),
            ("wallet_top_up", "succeeded"),
            ("wallet_transfer", "processing"),
            ("wallet_transfer", "succeeded"),
        ]
        transfers = [operation for operation in found if operation.kind == "wallet_transfer"]
        assert all(operation.counterparty == operation.request["to"] for operation in transfers)
        assert [(operation.notification or {})["msisdn"] for operation in transfers] == [AWA, AWA]
        assert all(operation.to_document()["schema"] == SCHEMA for operation in found)

    def test_a_list_by_counterparty_finds_the_transfers(self, open_store: Callable[[], SqlStore]) -> None:
        store = open_store()
        transfer = transfer_under_way(store)

        found = store.find(OPERATIONS, {"kind": "wallet_transfer", "counterparty": transfer.counterparty})

        assert len(found) == 2
        assert transfer.id in [document["id"] for document in found]

    def test_what_is_under_way_comes_to_its_end(self, open_store: Callable[[], SqlStore], tmp_path: Path) -> None:
        house = opened_house(open_store())
        transfer = transfer_under_way(house.store)
        assert list(examine_ledger(house.store, DEFAULT.contracts)) == []
        worker = Worker(house, tmp_path)

        worker.run()

        assert {str(operation.status) for operation in operations(house.store)} == {"succeeded"}
        assert [verb for verb, *_ in worker.partner.asked].count("settle") == 2
        assert [text for text in worker.sms(AWA) if "12,000" in text] == worker.sms(AWA)[-1:]
        assert (balance(Phone(house, AWA)), balance(Phone(house, KOFI))) == (50_000 - 12_700, 1_000 + 12_700)
        where = {"kind": "wallet_transfer", "counterparty": transfer.counterparty}
        assert transfer.id in [document["id"] for document in house.store.find(OPERATIONS, where)]
        assert_sound(house.store)

    def test_a_dialogue_goes_on_where_it_was(self, open_store: Callable[[], SqlStore], tmp_path: Path) -> None:
        house = opened_house(open_store())
        phone = Phone(house, AWA)
        transfer = transfer_under_way(house.store)
        (session,) = (found for found in scan(house.store, USSD_SESSIONS, {}) if not found["over"] and found["tells"])
        phone.session, phone.typed = session["session"].partition(":")[2], ["1", KOFI]

        phone.type("300", "2580")  # as it was chosen then; today it is too easy
        accepted = phone.accepted()
        phone.dial()

        assert accepted.counterparty == transfer.counterparty
        assert [line for line in phone.message.splitlines() if "12,000" in line]
        assert [line for line in phone.message.splitlines() if "300 XOF" in line]

    def test_it_is_migrated_once(self, open_store: Callable[[], SqlStore], path: Path) -> None:
        open_store().close()
        after = dump(path)

        open_store().close()
        with closing(SqlMigration(f"sqlite:///{path}", DEFAULT.collections)) as migration:
            assert migration.state().pending == ()
            migration.run()

        assert dump(path) == after
        assert "counterparty" in "".join(after)

    def test_it_then_has_the_tables_of_a_new_one(self, open_store: Callable[[], SqlStore], path: Path) -> None:
        open_store().close()
        new = path.with_name("new.db")
        SqlStore(f"sqlite:///{new}", collections=DEFAULT.collections).close()

        def read(file: Path) -> dict[str, Any]:
            engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
            with engine.connect() as connection:
                return tables(connection)

        assert read(path) == read(new)

    def test_processes_that_open_it_together_all_find_it_migrated(self, path: Path) -> None:
        program = (
            "import sys\nfrom core.installed import DEFAULT\nfrom core.store.sql import SqlStore\n"
            "store = SqlStore('sqlite:///' + sys.argv[1], wait_s=60, collections=DEFAULT.collections)\n"
            "print(len(store.find('operations', {'kind': 'wallet_transfer'})))"
        )
        command = [sys.executable, "-c", program, str(path)]
        started = [
            subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(3)
        ]

        assert [process.communicate()[0] for process in started] == ["2\n"] * 3

    def test_an_upgrade_that_fails_changes_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = dump(path)

        def failing(self: Schema, connection: sa.Connection) -> list[Any]:
            raise RuntimeError("in the midst")

        with monkeypatch.context() as patched:
            patched.setattr(Schema, "_missing", failing)
            with pytest.raises(RuntimeError):
                SqlStore(f"sqlite:///{path}")

        assert dump(path) == before
        SqlStore(f"sqlite:///{path}").close()

    def test_one_that_an_unreleased_version_has_opened_is_mended(
        self, open_store: Callable[[], SqlStore], path: Path
    ) -> None:
        # Given a file to which the new column was added beside the old one
        with closing(sqlite3.connect(path)) as file:
            file.execute("ALTER TABLE operations ADD COLUMN counterparty VARCHAR(255)")
            file.execute("CREATE INDEX operations_kind_counterparty_id ON operations (kind, counterparty, id)")
            file.commit()

        store = open_store()

        transfer = transfer_under_way(store)
        assert len(store.find(OPERATIONS, {"kind": "wallet_transfer", "counterparty": transfer.counterparty})) == 2
        with closing(sqlite3.connect(path)) as file:
            columns = [name for (name,) in file.execute("SELECT name FROM pragma_table_info('operations')")]
        assert "counterparty" in columns
        assert "counterpart" not in columns


def test_the_list_of_revisions_is_that_of_the_scripts() -> None:
    folder = ROOT / "core/store/migrations/versions"
    scripts = [path.read_text() for path in sorted(folder.glob("r*.py"))]
    read = [re.findall(r'^(?:down_)?revision = (?:"(\w+)"|None)$', script, re.MULTILINE) for script in scripts]
    assert read == [[revision, before] for before, revision in zip(("", *REVISIONS), REVISIONS, strict=False)]


def test_a_file_of_a_later_release_is_refused(path: Path) -> None:
    SqlStore(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.commit()

    with pytest.raises(StoreUnavailable, match="later release"):
        SqlStore(f"sqlite:///{path}")


def test_what_a_product_declares_later_is_added_and_filled(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(SqlStore(url, collections={"parcels": Collection("parcels")})) as old:
        for number in range(3):
            old.insert("parcels", {"id": f"p{number}", "weight": number, "order": "o"})
    declared = {
        "parcels": Collection("parcels", indexes=(("order", "weight"),)),
        "senders": Collection("senders"),
    }

    with closing(SqlStore(url, collections=declared)) as store:
        found = store.find("parcels", {"order": "o"}, order="-weight")
        assert [document["id"] for document in found] == ["p2", "p1", "p0"]
        store.insert("senders", {"id": "s"})
    with closing(SqlMigration(url, declared)) as migration:
        assert migration.state().pending == ()
