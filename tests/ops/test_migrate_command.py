"""A store is brought to the schema of this release on the command line."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ops.migrate import migrate

RELEASE_0_1_0 = Path(__file__).parents[1] / "store/release_0_1_0.sql"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the command finds in its environment."""
    path = tmp_path / "store.sqlite"
    monkeypatch.setenv("STORE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    return path


@pytest.fixture
def old(path: Path) -> Path:
    """The same file, with what release 0.1.0 has written."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(RELEASE_0_1_0.read_text())
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(migrate, arguments)


def test_a_check_says_what_is_to_be_done_and_does_nothing(old: Path) -> None:
    for _ in range(2):
        checked = run("--check")

        assert checked.exit_code == 1
        assert (
            checked.output
            == "From 0001 to 0004:\n- apply revision 0002\n- apply revision 0003\n- apply revision 0004\n"
        )


def test_a_store_of_an_earlier_release_is_migrated_once(old: Path) -> None:
    first, check, second = run(), run("--check"), run()

    assert (first.exit_code, first.output.splitlines()[-1]) == (0, "The store is at 0004.")
    assert (check.exit_code, check.output) == (0, "Nothing to do: the store is at 0004.\n")
    assert (second.exit_code, second.output) == (0, check.output)


def test_a_new_store_gets_its_tables(path: Path) -> None:
    done = run()

    assert done.output == "From an empty database to 0004:\n- make all tables\nThe store is at 0004.\n"
    assert run("--check").exit_code == 0


def test_what_is_no_store_is_named(path: Path) -> None:
    path.write_text("no database, but long enough to be taken for one. " * 100)

    refused = run("--check")

    assert refused.exit_code == 1
    assert "not a database" in refused.output


def test_a_store_of_a_later_release_is_refused(old: Path) -> None:
    assert run().exit_code == 0
    with closing(sqlite3.connect(old)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.commit()

    refused = run()

    assert refused.exit_code == 1
    assert "later release" in refused.output
