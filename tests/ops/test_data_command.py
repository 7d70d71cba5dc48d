"""`quittance data`: a store is sealed, rotated and opened on the command line, and other commands read it."""

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.bootstrap import bootstrap, compact, open_core, open_store
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.identity.people import People
from core.settings import BadSettings, read_settings
from core.store.port import DATA_AT_REST, LEASES, OPERATIONS, Document, Store
from core.store.resealing import NOTICED_S
from ops.commands import cli
from ops.doctor.findings import Level
from ops.doctor.servers import check_store
from tests.doubles import KEYS, new_operation, open_sql
from tests.privacy import PHONE

PHONES = ("+2250707000001", "+2250707000002")
NEW = base64.b64encode(b"n" * 32).decode()
OLD, INDEX = base64.b64encode(KEYS.data[0]).decode(), base64.b64encode(KEYS.index).decode()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that commands find in their environment."""
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'store.sqlite'}")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    return tmp_path / "store.sqlite"


@pytest.fixture
def plain(path: Path) -> Path:
    """The same file, with people and operations in it."""
    with closing(open_sql(f"sqlite:///{path}")) as store:
        for number, phone in enumerate(PHONES):
            People(store, SystemClock()).register(f"somebody{number}", None, phone, phone_proven=True)
            operation = new_operation(id=f"op-{number}", request={"msisdn": phone}, subject=phone, due_at=None)
            store.insert(OPERATIONS, operation.to_document())
    return path


def keys(monkeypatch: pytest.MonkeyPatch, data: str = OLD, index: str = INDEX) -> None:
    monkeypatch.setenv("DATA_KEYS", data)
    monkeypatch.setenv("DATA_INDEX_KEY", index)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited for others, in seconds, which takes no time here."""
    waits: list[float] = []
    monkeypatch.setattr("ops.data.sleep", waits.append)
    return waits


def done(*arguments: str) -> dict[str, Any]:
    result = run("data", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def bytes_of(path: Path) -> str:
    """All that the file and those beside it hold."""
    return "".join(each.read_bytes().decode("latin-1") for each in path.parent.glob(f"{path.name}*"))


def test_a_store_is_sealed_and_nothing_of_it_is_left_in_the_file(
    plain: Path, monkeypatch: pytest.MonkeyPatch, waited: list[float]
) -> None:
    assert PHONES[0] in bytes_of(plain)
    keys(monkeypatch)

    assert done("seal") == {"sealed": 8, "left": 0, "unreadable": []}
    assert waited == [NOTICED_S]

    assert not any(text in bytes_of(plain) for text in (*PHONES, "somebody"))
    with closing(open_store(read_settings())) as store:
        assert [found["subject"] for found in store.find(OPERATIONS, {"kind": "test"})] == list(PHONES)
    assert run("people", "suspend", PHONES[0]).exit_code == 0


def test_a_process_without_keys_that_runs_on_uses_the_store_no_more(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.at_rest.CHECK_EVERY_S", 0)
    with closing(open_store(read_settings())) as running:
        assert running.get(OPERATIONS, "op-0") is not None
        keys(monkeypatch)
        done("seal")
        with pytest.raises(StoreUnavailable, match="The store is sealed, and no keys are set"):
            running.insert(OPERATIONS, new_operation(id="op-9").to_document())


def test_after_a_rotation_the_former_key_is_taken_out(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    done("seal")
    keys(monkeypatch, NEW)
    assert "a key that DATA_KEYS lacks" in run("people", "suspend", PHONES[0]).output
    keys(monkeypatch, f"{NEW},{OLD}")

    assert done("rotate") == {"rotated": 8, "left": 0, "unreadable": []}
    assert run("data", "rotate").stdout == "rotated: 0 documents; left: 0\n"

    keys(monkeypatch, NEW)
    assert run("people", "suspend", PHONES[0]).exit_code == 0


def test_a_store_is_opened_again(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    done("seal")

    assert done("unseal")["unsealed"] == 8

    keys(monkeypatch, "", "")
    assert run("people", "suspend", PHONES[0]).exit_code == 0
    assert PHONES[0] in bytes_of(plain)


def test_what_does_not_open_is_named(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    done("seal")
    with closing(open_sql(f"sqlite:///{plain}")) as raw:
        raw.replace(OPERATIONS, {**(raw.get(OPERATIONS, "op-1") or {}), "sealed": "v1.other.AAAA"})
    keys(monkeypatch, f"{NEW},{OLD}")

    rotated = run("data", "rotate")

    assert rotated.exit_code == 1
    assert "does not open: operations/op-1" in rotated.output


def test_a_running_worker_is_noticed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    with closing(open_sql(f"sqlite:///{plain}")) as raw:
        raw.insert(LEASES, {"id": "share", "workers": {"w": "9999-01-01T00:00:00Z"}})

    for verb in ("seal", "unseal"):
        refused = run("data", verb)
        assert (refused.exit_code, "stop all processes" in refused.output) == (1, True)


def test_no_keys_are_an_error_that_says_how_to_make_some(plain: Path) -> None:
    refused = run("data", "seal")

    assert refused.exit_code == 1
    assert "openssl rand -base64 32" in refused.output


@pytest.mark.parametrize("start", [bootstrap, open_core])
def test_no_process_starts_that_does_not_fit(plain: Path, monkeypatch: pytest.MonkeyPatch, start: Any) -> None:
    keys(monkeypatch)
    with pytest.raises(BadSettings, match="quittance data seal"):
        start(read_settings())
    done("seal")
    start(read_settings()).close()

    keys(monkeypatch, index=NEW)
    with pytest.raises(BadSettings, match="another DATA_INDEX_KEY"):
        start(read_settings())
    keys(monkeypatch, "", "")
    with pytest.raises(BadSettings, match="Set DATA_KEYS"):
        start(read_settings())


def test_the_doctor_sees_keys_that_do_not_fit(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [found.level for found in check_store(read_settings())] == [Level.OK]
    keys(monkeypatch)

    _, wrong = check_store(read_settings())

    assert (wrong.about, wrong.level) == ("data at rest", Level.WRONG)
    assert "quittance data seal" in wrong.said


def test_who_only_looks_at_an_empty_store_does_not_mark_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(read_settings()).close()
    keys(monkeypatch)
    open_store(read_settings()).close()

    bootstrap(read_settings()).close()

    keys(monkeypatch, "", "")
    with pytest.raises(BadSettings):
        open_store(read_settings())


def test_a_new_installation_with_keys_stores_nothing_that_is_readable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(monkeypatch)
    with closing(open_core(read_settings())) as core:
        core.people.register("somebody", "correct horse", PHONES[0])

    found = bytes_of(path)
    assert not PHONE.search(found)
    assert not any(text in found for text in ("somebody", "argon2"))


def test_a_store_that_is_away_is_checked_when_it_is_back(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not answer while the process starts."""
    keys(monkeypatch)
    away = [True]

    class Away:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, verb: str) -> Any:
            if away[0] and verb != "close":
                raise StoreUnavailable
            return getattr(self._store, verb)

    raw: Any = open_sql(f"sqlite:///{plain}")
    monkeypatch.setattr("core.bootstrap.open_raw_store", lambda *_: Away(raw))
    store = open_store(read_settings(), marks=True)
    away[0] = False

    with pytest.raises(StoreUnavailable, match="quittance data seal"):
        store.get(OPERATIONS, "op-0")
    found: Document | None = raw.get(DATA_AT_REST, "state")
    assert found is None
    raw.close()


def test_a_compacted_file_forgets_what_was_deleted(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA secure_delete=OFF")
        file.execute("CREATE TABLE told (text TEXT)")
        file.execute("INSERT INTO told VALUES (?)", (PHONES[0],))
        file.commit()
        file.execute("DELETE FROM told")
        file.commit()
    assert PHONES[0] in bytes_of(path)

    compact(read_settings())

    assert PHONES[0] not in bytes_of(path)
