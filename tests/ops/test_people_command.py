"""Admins and operators are made, and people suspended, on the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.identity.credentials import Credentials
from core.identity.people import People, Person, Role
from ops.commands import people
from tests.doubles import open_sql

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the store that the commands find in their environment."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    return url


def run(*arguments: str, password: str = f"{PASSWORD}\n") -> Result:
    return CliRunner().invoke(people, arguments, input=password)


def find(url: str, text: str) -> Person | None:
    opened = open_sql(url)
    try:
        return People(opened, SystemClock()).find(text, "CI")
    finally:
        opened.close()


def lets_in(url: str, username: str, password: str = PASSWORD) -> bool:
    opened = open_sql(url)
    try:
        return Credentials(opened, SystemClock()).authenticate(username, password) is not None
    finally:
        opened.close()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR])
def test_somebody_is_made_with_the_password_that_is_read(store: str, role: Role) -> None:
    done = run(f"create-{role}", "Root")

    assert done.exit_code == 0, done.output
    person = find(store, "root")
    assert person is not None
    assert (person.username, person.role) == ("Root", role)
    assert f"Created {role} Root with the id {person.id}." in done.output
    assert lets_in(store, "root")
    assert PASSWORD not in done.output


def test_only_the_first_line_is_the_password(store: str) -> None:
    assert run("create-admin", "root", password=f"{PASSWORD}\nsomething else\n").exit_code == 0
    assert lets_in(store, "root")


def test_a_password_without_a_newline_is_one(store: str) -> None:
    assert run("create-admin", "root", password=PASSWORD).exit_code == 0
    assert lets_in(store, "root")


@pytest.mark.parametrize("password", ["", "\n", "short\n", "1234567\n", "x" * 129 + "\n"])
def test_a_password_that_is_none_is_refused(store: str, password: str) -> None:
    done = run("create-admin", "root", password=password)

    assert done.exit_code != 0
    assert "a password must have 8 to 128 characters" in done.output
    assert find(store, "root") is None


@pytest.mark.parametrize("username", ["ab", "a b", "0707000001", "root!"])
def test_a_name_that_is_none_is_refused(username: str) -> None:
    done = run("create-admin", username)

    assert done.exit_code != 0
    assert "is not a valid username" in done.output
    assert "Traceback" not in done.output


def test_a_taken_name_is_refused_and_its_owner_keeps_their_role(store: str) -> None:
    run("create-operator", "desk")

    done = run("create-admin", "DESK", password="another one\n")

    assert done.exit_code != 0
    assert "the username DESK is taken" in done.output
    person = find(store, "desk")
    assert person is not None
    assert person.role is Role.OPERATOR
    assert lets_in(store, "desk")
    assert not lets_in(store, "desk", "another one")


def test_somebody_is_suspended_and_let_in_again(store: str) -> None:
    run("create-operator", "desk")

    done = run("suspend", "Desk")
    assert (done.exit_code, done.output) == (0, "desk is suspended.\n")
    assert not lets_in(store, "desk")

    done = run("suspend", "desk", "--lift")
    assert (done.exit_code, done.output) == (0, "desk is no longer suspended.\n")
    assert lets_in(store, "desk")


def test_somebody_is_suspended_by_phone(store: str) -> None:
    opened = open_sql(store)
    People(opened, SystemClock()).register("awa", PASSWORD, "+2250707000001", phone_proven=True)
    opened.close()

    assert run("suspend", "07 07 00 00 01").exit_code == 0

    person = find(store, "awa")
    assert person is not None
    assert person.suspended


@pytest.mark.parametrize("who", ["nobody", "0707000099", "", "!"])
def test_an_unknown_person_is_reported(who: str) -> None:
    done = run("suspend", who)

    assert done.exit_code != 0
    assert f"no account has the username or phone {who!r}" in done.output


def test_wrong_settings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_URL", "redis://here")

    for command in (("create-admin", "root"), ("suspend", "root")):
        done = run(*command)
        assert done.exit_code == 1
        assert "STORE_URL" in done.output
