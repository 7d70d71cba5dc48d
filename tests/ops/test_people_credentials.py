"""`quittance people set-password` and `second-factor`."""

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from core.bootstrap import open_store_at
from core.clock import SystemClock
from core.identity.credentials import Credentials
from core.identity.people import People, Person
from core.store.port import Store
from ops.commands import cli

OLD, NEW = "correct horse battery", "staple the battery"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'quittance.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    store = open_store_at(url)
    yield store
    store.close()


@pytest.fixture
def people(store: Store) -> People:
    return People(store, SystemClock())


@pytest.fixture
def credentials(store: Store) -> Credentials:
    return Credentials(store, SystemClock())


@pytest.fixture
def awa(people: People) -> Person:
    return people.register("awa", OLD)


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, ["people", *arguments], input=typed)


def test_a_password_is_changed_and_tokens_end(credentials: Credentials, awa: Person) -> None:
    done = run("set-password", "awa", typed=f"{NEW}\n")
    assert (done.exit_code, done.output) == (
        0, "awa signs in with the new password. All their tokens have ended.\n",
    )  # fmt: skip
    assert credentials.authenticate("awa", OLD) is None
    found = credentials.authenticate("awa", NEW)
    assert found is not None
    assert found.epoch == awa.epoch + 1


@pytest.mark.parametrize("weak", ["password", "short", "12345678"])
def test_a_weak_password_changes_nothing(credentials: Credentials, awa: Person, weak: str) -> None:
    assert run("set-password", "awa", typed=f"{weak}\n").exit_code == 1
    assert credentials.authenticate("awa", OLD) == awa


def test_no_admin_starts_with_a_weak_password(people: People) -> None:
    refused = run("create-admin", "root", typed="password\n")
    assert refused.exit_code == 1
    assert "too easy to guess" in refused.output
    assert people.find("root", "CI") is None


def test_who_has_no_username_has_no_password(people: People) -> None:
    people.register(None, None, "+2250707000001", phone_proven=True)
    refused = run("set-password", "+2250707000001", typed=f"{NEW}\n")
    assert (refused.exit_code, "no username" in refused.output) == (1, True)


def test_a_second_factor_is_given_and_removed(people: People, awa: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = pyotp.random_base32()
    monkeypatch.setattr(pyotp, "random_base32", lambda: secret)
    wrong = run("second-factor", "awa", typed="000000\n")
    assert (wrong.exit_code, "this code is wrong" in wrong.output) == (1, True)
    done = run("second-factor", "awa", typed=f"{pyotp.TOTP(secret).now()}\n")
    assert done.exit_code == 0, done.output
    assert len(done.output.partition("Recovery codes")[2].splitlines()) == 11
    found = people.get(awa.id)
    assert found is not None
    assert found.has_factor

    assert run("second-factor", "awa").exit_code == 1
    assert run("second-factor", "awa", "--remove").output == "awa signs in without a second factor.\n"
    assert people.get(awa.id) == awa
