"""Passwords, as Argon2id (RFC 9106) keeps them, and the secret with which this installation signs."""

import os
import secrets
import unicodedata
from contextlib import suppress
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """hasher: how expensive a hash is; the default is OWASP's first choice: 19 MiB, two passes, one lane."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        return self._hasher.hash(_normal(password))

    def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password is right. Takes as long when there is no hash to hold it against."""
        try:
            return self._hasher.verify(hashed or self._nobodys, _normal(password)) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


def made_once(path: Path) -> str:
    """The secret in this file, which only its owner may read; made when it is not there. Raises OSError."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    mine = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        with suppress(FileExistsError):  # another process was faster: its secret it is
            os.link(mine, path)
    finally:
        mine.unlink()
    return path.read_text().strip()


def _normal(password: str) -> str:
    """As NIST SP 800-63B asks: the same characters are the same password, from whatever keyboard."""
    return unicodedata.normalize("NFKC", password)
