"""What only a SQLite file can show: other processes, crashes, locks, a full disk, and which index serves a question."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import COLLECTIONS, AtMost, Document
from core.store.schema import Schema
from core.store.sql import SqlStore
from core.store.sqlite import READERS
from tests.store.samples import at_once, ids, operation

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """It waits longer than many threads need for their turns on a busy machine."""
    store = SqlStore(f"sqlite:///{path}", wait_s=60)
    yield store
    store.close()


@pytest.fixture
def impatient(path: Path) -> Iterator[SqlStore]:
    """For writes that have to fail."""
    store = SqlStore(f"sqlite:///{path}", wait_s=0.3)
    yield store
    store.close()


def start(program: str, *arguments: str) -> "subprocess.Popen[str]":
    """Runs a program in a process of its own, with `store` open on the file that is its first argument."""
    opening = "import sys\nfrom core.store.sql import SqlStore\nstore = SqlStore('sqlite:///' + sys.argv[1])\n"
    command = [sys.executable, "-c", opening + program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


WRITE_WITH_THREADS = """
from concurrent.futures import ThreadPoolExecutor
def write(number):
    id = f"{sys.argv[2]}-{number}"
    saved = store.insert("operations", {"id": id, "kind": "k", "fingerprint": id})
    store.replace("operations", saved | {"status": "succeeded"})
with ThreadPoolExecutor(8) as pool:
    list(pool.map(write, range(150)))
"""


def test_processes_write_the_same_file_at_once(path: Path, store: SqlStore) -> None:
    writers = [start(WRITE_WITH_THREADS, str(path), name) for name in ("one", "two", "three")]

    assert [(writer.communicate()[0], writer.returncode) for writer in writers] == [("", 0)] * 3
    assert len(store.find("operations", {"kind": "k", "status": "succeeded"}, limit=1000)) == 450


WRITE_UNTIL_KILLED = """
from concurrent.futures import ThreadPoolExecutor
def write(thread):
    for number in range(10**6):
        store.insert("claims", {"id": f"{thread}-{number}", "text": "x" * 3000})
        sys.stdout.write(f"{thread}-{number}\\n")
        sys.stdout.flush()
with ThreadPoolExecutor(8) as pool:
    list(pool.map(write, range(8)))
"""


def test_a_killed_writer_loses_nothing_that_was_acknowledged(path: Path) -> None:
    writer = start(WRITE_UNTIL_KILLED, str(path))
    assert writer.stdout
    confirmed = [writer.stdout.readline() for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    confirmed += [line for line in writer.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]

    with closing(SqlStore(f"sqlite:///{path}")) as store:
        assert all(store.get("claims", line.strip()) for line in confirmed)
        assert store.insert("claims", {"id": "after"})["version"] == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_another_process_sees_a_write(path: Path, store: SqlStore) -> None:
    store.insert("claims", {"id": "a", "holder": "me"})

    assert start("print(store.get('claims', 'a')['holder'])", str(path)).communicate()[0] == "me\n"


def test_while_another_writes_reads_work_and_writes_fail_in_time(path: Path, impatient: SqlStore) -> None:
    saved = impatient.insert("operations", operation("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert impatient.get("operations", "a") == saved == impatient.find("operations", {"kind": "fine_payment"})[0]
        with pytest.raises(StoreUnavailable):
            impatient.insert("operations", operation("b"))
        other.execute("ROLLBACK")

    assert impatient.replace("operations", saved)["version"] == 2


def test_a_turn_that_does_not_end_makes_writes_fail_in_time(path: Path, impatient: SqlStore) -> None:
    saved = impatient.insert("operations", operation("a"))
    with path.with_name("store.db.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def fails(_: int) -> None:
            with pytest.raises(StoreUnavailable):
                impatient.replace("operations", saved)

        at_once(fails, 4)

    assert impatient.insert("operations", operation("b"))["version"] == 1
    assert impatient.get("operations", "a") == saved


def test_writes_that_share_a_commit_fail_each_for_itself(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    current = store.replace("claims", store.insert("claims", {"id": "held"}))

    def write(number: int) -> str:
        try:
            if number % 4 == 0:
                store.replace("claims", {"id": "held", "version": 1})
            id = "same" if number % 4 == 1 else str(number)
            return str(store.insert("claims", {"id": id, "text": "\ud800" if number % 4 == 2 else ""})["id"])
        except (Conflict, Duplicate, ValueError) as error:
            return type(error).__name__

    with ThreadPoolExecutor(17) as pool, path.with_name("store.db.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcomes = [pool.submit(write, number) for number in range(16)]
        pool.submit(fcntl.flock, lock, fcntl.LOCK_UN)
        results = sorted(outcome.result() for outcome in outcomes)

    assert results == sorted(
        [*["Conflict"] * 4, *["UnicodeEncodeError"] * 4, *["Duplicate"] * 3, "same", "3", "7", "11", "15"]
    )
    assert store.get("claims", "held") == current
    assert len(store.find("claims", {})) == 6
    store.close()


FILL_THE_DISK = """
import resource, signal
from core.errors import StoreUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, most))
confirmed = []
try:
    for number in range(100):
        confirmed.append(store.insert("claims", {"id": str(number), "text": "x" * 50_000})["id"])
except StoreUnavailable:
    print("full")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
store.insert("claims", {"id": "after"})
print(all(store.get("claims", id) for id in confirmed) and len(confirmed) > 5)
"""


def test_a_full_disk_refuses_writes_and_keeps_the_others(path: Path) -> None:
    assert start(FILL_THE_DISK, str(path)).communicate()[0] == "full\nTrue\n"


def test_what_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be taken for one. " * 100)

    for path in ("text", "missing/store.db", "."):
        with pytest.raises(StoreUnavailable):
            SqlStore(f"sqlite:///{tmp_path / path}")


def test_many_threads_share_a_few_connections(path: Path, store: SqlStore) -> None:
    store.insert("claims", {"id": "a"})

    assert all(at_once(lambda _: store.get("claims", "a"), 200))

    opened = [file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert opened.count(path) <= READERS + 1


def questions() -> Iterator[tuple[str, dict[str, object], str]]:
    """For each declared index: all its fields equal, by id; the last one at most a value, by that field."""
    for name, collection in COLLECTIONS.items():
        yield name, {}, "id"
        for *first, last in collection.indexes:
            yield name, dict.fromkeys((*first, last), "x"), "id"
            yield name, dict.fromkeys(first, "x") | {last: AtMost("x")}, last


@pytest.mark.parametrize("down", ["", "-"])
@pytest.mark.parametrize("after", [None, ("w", "w")])
@pytest.mark.parametrize(("name", "where", "order"), list(questions()), ids=str)
def test_an_index_finds_and_sorts(
    path: Path, store: SqlStore, name: str, where: Document, order: str, after: tuple[str, str] | None, down: str
) -> None:
    statement, values = Schema(COLLECTIONS).tables[name].select(where, down + order, 100, after)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.sqlite}", statement.defaults | values)
        plan = [row[3] for row in rows]

    assert len(plan) == 1
    assert " USING INDEX " in plan[0]


@pytest.mark.parametrize(
    "where", [{"kind": "x", "status": "y"}, {"kind": "x", "due_at": AtMost("y")}], ids=["status", "due"]
)
def test_an_index_alone_serves_a_count(path: Path, store: SqlStore, where: Document) -> None:
    statement, values = Schema(COLLECTIONS).tables["operations"].count(where, 100)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.sqlite}", statement.defaults | values)
        plan = [row[3] for row in rows]

    assert [" USING COVERING INDEX " in step for step in plan if "operations" in step] == [True]


def test_a_closed_store_can_be_closed_again(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.insert("claims", {"id": "a"})
    store.close()
    store.close()

    with closing(SqlStore(f"sqlite:///{path}")) as again:
        assert ids(again.find("claims", {})) == ["a"]


def test_a_file_of_an_earlier_release_gets_what_it_lacks(tmp_path: Path) -> None:
    # Given a file from before counterparties had a column, and partners a table
    path = tmp_path / "store.sqlite"
    old = SqlStore(f"sqlite:///{path}")
    old.insert("operations", {"id": "op-1", "kind": "test", "counterparty": "c"})
    old.close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP INDEX operations_kind_counterparty_id")
        file.execute("ALTER TABLE operations DROP COLUMN counterparty")
        file.execute("DROP TABLE partners")
        file.commit()

    # If today's release opens it
    store = SqlStore(f"sqlite:///{path}")

    # I expect both to be there, and what was stored to be found by them
    store.insert("operations", {"id": "op-2", "kind": "test", "counterparty": "c"})
    store.insert("partners", {"id": "operator"})
    assert [found["id"] for found in store.find("operations", {"kind": "test", "counterparty": "c"})] == [
        "op-1",
        "op-2",
    ]
    assert [found["id"] for found in store.find("operations", {"kind": "test"})] == ["op-1", "op-2"]
    store.close()
