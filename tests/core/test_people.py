"""People: found by name and by phone, one of a name, and kept out while they are suspended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from core.errors import Conflict, NameTaken
from core.identity.credentials import Credentials
from core.identity.passwords import Passwords
from core.identity.people import People, Person, Role, canonical_name
from core.store.port import Document, Store
from core.store.sql import SqlStore
from tests.doubles import FakeClock, lent_sql
from tests.store.samples import at_once

PASSWORD, PHONE = "correct horse", "+2250707000001"
CHEAP = Passwords(PasswordHasher.from_parameters(CHEAPEST))


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def people(store: Store) -> People:
    return of(store)


@pytest.fixture
def credentials(store: Store) -> Credentials:
    return Credentials(store, FakeClock(), CHEAP)


@pytest.fixture
def awa(people: People) -> Person:
    return people.register("Awa", PASSWORD, PHONE, phone_proven=True)


def of(store: Store) -> People:
    return People(store, FakeClock(), CHEAP)


def test_a_registered_person_is_found(people: People) -> None:
    root = people.register("Root", PASSWORD, role=Role.ADMIN)

    assert (root.username, root.msisdn, root.role, root.suspended) == ("Root", None, Role.ADMIN, False)
    assert people.get(root.id) == root


@pytest.mark.parametrize("id", ["", "x", "01a1fb37-7851-74c6-b28a-58f4b87a2511", "awa", "\0"])
def test_an_unregistered_person_is_not_found(people: People, awa: Person, id: str) -> None:
    assert people.get(id) is None


@pytest.mark.parametrize(
    "text",
    ["awa", "AWA", "Awa", "\uff21wa", PHONE, "0707000001", "07 07 00 00 01", "+225 0707000001", "00225 0707000001"],
)
def test_somebody_is_found_by_name_and_by_phone(people: People, awa: Person, text: str) -> None:
    assert people.find(text, "CI") == awa


@pytest.mark.parametrize("text", ["", "aw", "awa2", "0707000002", "+33707000001", "07", "!", "\0", "a" * 500, "\ud800"])
def test_an_unknown_name_or_phone_is_not_found(people: People, awa: Person, text: str) -> None:
    assert people.find(text, "CI") is None


def test_a_phone_is_read_as_it_is_dialled_in_its_country(people: People, awa: Person) -> None:
    assert people.find("0707000001", "FR") is None
    assert people.find(PHONE, "FR") == awa


def test_no_name_is_a_phone() -> None:
    # Else who registers it would be paid what was sent to the phone
    for text in (PHONE, "0707000001", "07.07.00.00.01", "07-07-00-00-01", "\uff10707000001", "2250707000001"):
        with pytest.raises(ValueError, match="username"):
            canonical_name(text)


@pytest.mark.parametrize("name", ["Awa", "stra\u00dfe", "e\u0301lise", "\ufb01ona", "\u212aofi", "\u03a3\u03c2\u03c3"])
def test_a_canonical_name_is_its_own(name: str) -> None:
    once = canonical_name(name)

    assert canonical_name(once) == once
    assert canonical_name(name.upper()) == canonical_name(name.lower()) == once


def test_the_right_password_and_no_other(credentials: Credentials, awa: Person) -> None:
    assert credentials.authenticate("awa", PASSWORD) == awa
    assert credentials.authenticate("AWA", PASSWORD) == awa
    for name, password in (("awa", "x"), ("awa", ""), ("kofi", PASSWORD), ("", PASSWORD), (PHONE, PASSWORD)):
        assert credentials.authenticate(name, password) is None


def test_a_suspended_person_is_found_and_does_not_get_in(people: People, credentials: Credentials, awa: Person) -> None:
    people.suspend(awa.id, True)
    found = people.find("awa", "CI")
    assert found is not None
    assert found.suspended
    assert credentials.authenticate("awa", PASSWORD) is None

    people.suspend(awa.id, True)
    people.suspend(awa.id, False)
    assert credentials.authenticate("awa", PASSWORD) == awa


def test_somebody_who_changes_meanwhile_is_suspended_all_the_same() -> None:
    class Contended(SqlStore):
        conflicts = 3

        def replace(self, collection: str, document: Document) -> Document:
            if self.conflicts:
                self.conflicts -= 1
                raise Conflict
            return super().replace(collection, document)

    people = of(Contended("sqlite://"))
    awa = people.register("awa", PASSWORD)

    people.suspend(awa.id, True)

    found = people.get(awa.id)
    assert found is not None
    assert found.suspended


@pytest.mark.parametrize(
    ("name", "phone", "field"),
    [("AWA", None, "username"), ("kofi", PHONE, "msisdn"), ("awa", "+2250707000002", "username")],
)
def test_what_is_taken_is_named(people: People, awa: Person, name: str, phone: str | None, field: str) -> None:
    with pytest.raises(NameTaken) as taken:
        people.register(name, PASSWORD, phone, phone_proven=True)
    assert taken.value.field == field


def test_of_two_processes_at_once_one_registers_the_name(tmp_path: Path) -> None:
    # Given stores of two processes on one file
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    stores = [SqlStore(url), SqlStore(url)]

    def register(number: int) -> str:
        try:
            return of(stores[number % 2]).register("Awa" if number % 3 else "AWA", PASSWORD).id
        except NameTaken as taken:
            return taken.field

    # If many register the same name, I expect one of them to have it
    results = at_once(register, 8)
    assert results.count("username") == 7
    [kept] = stores[0].find("people", {})
    assert kept["id"] in results
    for store in stores:
        store.close()
