"""Merchants are made on the command line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.identity.people import People, Person
from core.store.sql import SqlStore
from ops.commands import merchants
from products.merchants.register import Merchants
from tests.doubles import open_sql

PHONE = "+2250707000001"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """The store that the commands find in their environment."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    store = open_sql(url)
    yield store
    store.close()


@pytest.fixture
def awa(store: SqlStore) -> Person:
    return People(store, SystemClock()).register("Awa", None, PHONE, phone_proven=True)


def create(*arguments: str) -> Result:
    return CliRunner().invoke(merchants, ["create", *arguments])


@pytest.mark.parametrize("owner", ["awa", PHONE, "07 07 00 00 01"])
def test_somebody_becomes_a_merchant_and_the_code_is_shown(store: SqlStore, awa: Person, owner: str) -> None:
    done = create("Kiosk at the port", "--owner", owner)

    assert done.exit_code == 0, done.output
    printed = re.fullmatch(
        r"Merchant 'Kiosk at the port' created with code (\d{6}); withdrawals credit Awa\.\n", done.output
    )
    assert printed
    found = Merchants(store, SystemClock()).get(printed[1])
    assert found is not None
    assert (found.name, found.owner) == ("Kiosk at the port", awa.id)


def test_the_owners_phone_is_masked(store: SqlStore) -> None:
    People(store, SystemClock()).register(None, None, PHONE, phone_proven=True)

    done = create("Kiosk", "--owner", PHONE)

    assert done.exit_code == 0
    assert PHONE not in done.output


@pytest.mark.parametrize("owner", ["nobody", "+2250707000009", ""])
def test_an_unknown_owner_is_reported(store: SqlStore, awa: Person, owner: str) -> None:
    done = create("Kiosk", "--owner", owner)

    assert done.exit_code == 1
    assert f"no account has the username or phone {owner!r}" in done.output
    assert store.find("merchants", {}) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\nlines"])
def test_what_is_no_name_is_refused(store: SqlStore, awa: Person, name: str) -> None:
    done = create(name, "--owner", "awa")

    assert done.exit_code == 1
    assert "is not a valid name" in done.output
    assert store.find("merchants", {}) == []


def test_an_owner_has_to_be_named(store: SqlStore) -> None:
    assert "--owner" in create("Kiosk").output


def test_wrong_settings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_URL", "redis://here")

    done = create("Kiosk", "--owner", "awa")

    assert done.exit_code == 1
    assert "STORE_URL" in done.output
