"""Passwords and their hashes, and a secret that is made once."""

import unicodedata
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from core.identity.passwords import Passwords, get_or_create_secret
from tests.store.samples import at_once

PASSWORD = "correct horse"


class Counting:
    """A hasher that counts what it is asked."""

    def __init__(self) -> None:
        self.hasher = PasswordHasher.from_parameters(CHEAPEST)
        self.hashed = self.verified = 0

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self.hasher.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        self.verified += 1
        return self.hasher.verify(hashed, password)


@pytest.fixture
def hasher() -> Counting:
    return Counting()


@pytest.fixture
def passwords(hasher: Counting) -> Passwords:
    return Passwords(hasher)  # type: ignore[arg-type]


def test_a_hash_is_argon2id_as_owasp_asks() -> None:
    assert Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_verified_by_its_hash_alone(passwords: Passwords) -> None:
    hashed = passwords.hash(PASSWORD)

    assert passwords.verify(hashed, PASSWORD)
    for wrong in ("", "correct", PASSWORD.upper(), PASSWORD + " ", hashed):
        assert not passwords.verify(hashed, wrong)


def test_a_hash_has_its_own_salt(passwords: Passwords) -> None:
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_a_hash_with_other_parameters_still_verifies() -> None:
    assert Passwords().verify(PasswordHasher.from_parameters(CHEAPEST).hash(PASSWORD), PASSWORD)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_from_every_keyboard(passwords: Passwords, form: str) -> None:
    hashed = passwords.hash("d\u00e9j\u00e0 \ufb01ni \uff11\u2460")

    assert passwords.verify(hashed, unicodedata.normalize(form, "d\u00e9j\u00e0 \ufb01ni \uff11\u2460"))  # type: ignore[arg-type]
    assert not passwords.verify(hashed, "deja fini 11")


def test_nobodys_hash_is_verified_as_any_other(passwords: Passwords, hasher: Counting) -> None:
    # Given an unknown person, I expect one verification, and that it fails
    assert not passwords.verify(None, PASSWORD)
    assert hasher.verified == 1

    # and so for what is stored and is no hash
    assert not passwords.verify("", PASSWORD)
    assert not passwords.verify("plain text", "plain text")


def test_the_first_unknown_name_costs_no_more_than_the_next_one(passwords: Passwords, hasher: Counting) -> None:
    before = hasher.hashed
    passwords.verify(None, PASSWORD)

    assert hasher.hashed == before


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    secret = get_or_create_secret(path)

    assert len(secret) == 64
    assert int(secret, 16)
    assert get_or_create_secret(path) == secret
    assert get_or_create_secret(tmp_path / "other") != secret


def test_a_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    get_or_create_secret(tmp_path / "secret")

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    # and nothing of how it was made is left
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_secret_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine\n")

    assert get_or_create_secret(tmp_path / "secret") == "mine"
    assert (tmp_path / "secret").read_text() == "mine\n"


def test_of_many_at_once_all_have_the_same_secret(tmp_path: Path) -> None:
    def same_path(path: Path) -> set[str]:
        return set(at_once(lambda _: get_or_create_secret(path), 8))

    for number in range(10):
        assert len(same_path(tmp_path / f"secret-{number}")) == 1
    assert len(list(tmp_path.iterdir())) == 10


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        get_or_create_secret(tmp_path / "nowhere" / "secret")
