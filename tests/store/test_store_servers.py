"""What only an SQL server can show: it is restarted, and many threads use it at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store import server
from core.store.port import COLLECTIONS
from core.store.sql import SqlStore
from core.store.sql_migration import SqlMigration
from devtools.postgres import Postgres

PATIENCE_S = 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of this module's own, because it is killed."""
    with Postgres() as running:
        running.start()
        with closing(SqlMigration(running.url, COLLECTIONS)) as migration:
            migration.run()
        yield running


def answers(store: SqlStore) -> bool:
    with suppress(StoreUnavailable):
        store.get("claims", "a")
        return True
    return False


@pytest.mark.slow
def test_a_server_that_was_killed_is_used_again(postgres: Postgres) -> None:
    with closing(SqlStore(postgres.url)) as store:
        store.insert("claims", {"id": "a"})
        postgres.kill()
        assert not answers(store)
        postgres.start()
        deadline_s = time.monotonic() + PATIENCE_S
        while not answers(store):
            assert time.monotonic() < deadline_s
        assert store.get("claims", "a") == {"id": "a", "version": 1}


@pytest.mark.slow
def test_an_idle_connection_is_replaced_without_an_error(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a connection that has not been used for long, on a server that was restarted
    monkeypatch.setattr(server, "IDLE_S", 0)
    with closing(SqlStore(postgres.url)) as store:
        assert answers(store)
        postgres.kill()
        postgres.start()

        # I expect the next write to be none the wiser
        assert store.insert("claims", {"id": "after the restart"})["version"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(("idle_s", "pings"), [(60, 0), (0, 5)])
def test_only_an_idle_connection_is_asked_whether_it_is_alive(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, idle_s: float, pings: int
) -> None:
    monkeypatch.setattr(server, "IDLE_S", idle_s)
    asked: list[object] = []
    with closing(SqlStore(postgres.url)) as store:
        assert answers(store)
        dialect = store._database._engine.dialect  # type: ignore[attr-defined]
        ping = dialect.do_ping

        def note(connection: object) -> bool:
            asked.append(connection)
            return bool(ping(connection))

        monkeypatch.setattr(dialect, "do_ping", note)
        for _ in range(5):
            assert answers(store)
    assert len(asked) == pings


@pytest.mark.slow
def test_as_many_threads_as_connections_do_not_wait_for_each_other(postgres: Postgres) -> None:
    # Given a store for 40 threads, and a row that somebody else has locked
    with closing(SqlStore(postgres.url, wait_s=PATIENCE_S, connections=41)) as store:
        saved = store.insert("claims", {"id": "locked"})
        engine = sa.create_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as other:
            other.execute(sa.text("SELECT 1 FROM claims WHERE id = 'locked' FOR UPDATE"))

            # If 40 threads wait for that row
            def save() -> None:
                with suppress(Conflict):
                    store.replace("claims", saved)

            threads = [threading.Thread(target=save) for _ in range(40)]
            for thread in threads:
                thread.start()
            waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            deadline_s = time.monotonic() + PATIENCE_S
            while other.scalar(waiting) != 40:
                assert time.monotonic() < deadline_s, "they do not all have a connection"

            # I expect another one to be served at once, and one of them to win in the end
            assert store.get("claims", "locked") == saved
            other.rollback()
        engine.dispose()
        for thread in threads:
            thread.join()
        assert store.get("claims", "locked") == saved | {"version": 2}


@pytest.mark.slow
def test_documents_that_are_inserted_together_are_one_round_trip(postgres: Postgres) -> None:
    sent: list[str] = []
    with closing(SqlStore(postgres.url)) as store:
        assert answers(store)
        engine = store._database._engine  # type: ignore[attr-defined]
        sa.event.listen(engine, "before_cursor_execute", lambda *about: sent.append(about[2]))

        store.insert_all(("claims", {"id": "first"}), ("claims", {"id": "second"}), ("fingerprints", {"id": "third"}))

        assert len(sent) == 1
        assert store.get("claims", "first") == {"id": "first", "version": 1}
        assert store.get("fingerprints", "third") == {"id": "third", "version": 1}
        with pytest.raises(Duplicate):
            store.insert_all(("claims", {"id": "fourth"}), ("claims", {"id": "second"}))
        assert store.get("claims", "fourth") is None
