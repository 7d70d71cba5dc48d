"""Whose PIN is locked is let in again on the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.errors import TooManyAttempts
from core.identity.people import People, Person
from core.identity.pins import MAX_WRONG_PINS, Pins
from core.store.sql import SqlStore
from ops.commands import people
from tests.doubles import open_sql

PHONE = "+2250707000001"
PEPPER = "of the API alone"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """The store that the commands find in their environment, where there is no pepper."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.delenv("PIN_PEPPER", raising=False)
    store = open_sql(url)
    yield store
    store.close()


@pytest.fixture
def pins(store: SqlStore) -> Pins:
    return Pins(store, SystemClock(), PEPPER)


@pytest.fixture
def awa(store: SqlStore, pins: Pins) -> Person:
    return People(store, SystemClock()).register(None, None, PHONE, pin=pins.hash("2589"))


def lock(pins: Pins, person: Person) -> None:
    for _ in range(MAX_WRONG_PINS):
        assert not pins.verify(person.id, "0852")
    with pytest.raises(TooManyAttempts):
        pins.verify(person.id, "2589")


def unlock(who: str) -> Result:
    return CliRunner().invoke(people, ["unlock", who])


@pytest.mark.parametrize("who", [PHONE, "07 07 00 00 01"])
def test_a_locked_pin_may_be_tried_again(pins: Pins, awa: Person, who: str) -> None:
    lock(pins, awa)

    done = unlock(who)

    assert (done.exit_code, done.output) == (0, "+225*******001 can enter the PIN again.\n")
    assert pins.verify(awa.id, "2589")


def test_it_is_locked_again_after_as_many_wrong_ones(pins: Pins, awa: Person) -> None:
    lock(pins, awa)
    unlock(PHONE)
    assert not pins.locked_min(awa.id)

    lock(pins, awa)
    assert pins.locked_min(awa.id)


def test_a_pin_that_is_not_locked_stays_what_it_is(pins: Pins, awa: Person) -> None:
    assert unlock(PHONE).exit_code == 0
    assert pins.verify(awa.id, "2589")
    assert not pins.verify(awa.id, "0852")


def test_nobody_else_is_unlocked(store: SqlStore, pins: Pins, awa: Person) -> None:
    kofi = People(store, SystemClock()).register("kofi", None, pin=pins.hash("2589"))
    lock(pins, awa)
    lock(pins, kofi)

    unlock("kofi")

    assert pins.locked_min(awa.id)
    assert not pins.locked_min(kofi.id)


def test_an_unknown_person_is_reported(store: SqlStore) -> None:
    done = unlock("nobody")

    assert done.exit_code == 1
    assert "no account has the username or phone 'nobody'" in done.output


def test_a_person_with_only_a_phone_is_suspended_by_phone(store: SqlStore, awa: Person) -> None:
    done = CliRunner().invoke(people, ["suspend", PHONE])

    assert done.output == "+225*******001 is suspended.\n"
