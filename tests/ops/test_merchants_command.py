"""Merchants are made on the command line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.merchants import Merchants
from core.people import People, Person
from core.store.sql import SqlStore
from ops.merchants import merchants

PHONE = "+2250707000001"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """The store that the commands find in their environment."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    store = SqlStore(url)
    yield store
    store.close()


@pytest.fixture
def awa(store: SqlStore) -> Person:
    return People(store, SystemClock()).register("Awa", None, PHONE)


def create(*arguments: str) -> Result:
    return CliRunner().invoke(merchants, ["create", *arguments])


@pytest.mark.parametrize("owner", ["awa", PHONE, "07 07 00 00 01"])
def test_somebody_becomes_a_merchant_and_the_code_is_shown(store: SqlStore, awa: Person, owner: str) -> None:
    done = create("Kiosk at the port", "--owner", owner)

    assert done.exit_code == 0, done.output
    told = re.fullmatch(r"Kiosk at the port has the code (\d{6}) now; .* goes to Awa\n", done.output)
    assert told
    found = Merchants(store, SystemClock()).get(told[1])
    assert found is not None
    assert (found.name, found.owner) == ("Kiosk at the port", awa.id)


def test_an_owner_is_not_told_by_the_whole_phone(store: SqlStore) -> None:
    People(store, SystemClock()).register(None, None, PHONE)

    done = create("Kiosk", "--owner", PHONE)

    assert done.exit_code == 0
    assert PHONE not in done.output


@pytest.mark.parametrize("owner", ["nobody", "+2250707000009", ""])
def test_an_owner_who_is_not_there_is_told(store: SqlStore, awa: Person, owner: str) -> None:
    done = create("Kiosk", "--owner", owner)

    assert done.exit_code == 1
    assert "nobody has this username or phone" in done.output
    assert store.find("merchants", {}) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\nlines"])
def test_what_is_no_name_is_refused(store: SqlStore, awa: Person, name: str) -> None:
    done = create(name, "--owner", "awa")

    assert done.exit_code == 1
    assert "is no name" in done.output
    assert store.find("merchants", {}) == []


def test_an_owner_has_to_be_named(store: SqlStore) -> None:
    assert "--owner" in create("Kiosk").output


def test_settings_that_are_wrong_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_URL", "redis://here")

    done = create("Kiosk", "--owner", "awa")

    assert done.exit_code == 1
    assert "STORE_URL" in done.output
