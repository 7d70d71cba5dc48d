"""Password hashes (Argon2id, RFC 9106), and secrets that the installation makes for itself."""

import os
import secrets
import threading
import unicodedata
from contextlib import suppress
from functools import partial
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.native import in_native_thread

AT_ONCE = 4
"""Hashes that are computed at once in a process. Each takes 19 MiB and a native thread for 20 to 70 ms, and a flood of
sign-ins must not take all of those: the writes of the store need one too."""
_computing = threading.BoundedSemaphore(AT_ONCE)

MAX_CHARS = 1000
"""More than a password has."""


class Passwords:
    """hasher: default Argon2id with OWASP's first choice of parameters: 19 MiB, two passes, one lane."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        with _computing:
            return in_native_thread(partial(self._hasher.hash, _normal(password)))

    def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password matches the hash. Takes equally long when there is no hash."""
        try:
            verify = partial(self._hasher.verify, hashed or self._nobodys, _normal(password))
            with _computing:
                return in_native_thread(verify) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


def get_or_create_secret(path: Path) -> str:
    """The secret in this file, which only its owner may read; created if the file does not exist. Raises OSError."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    mine = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        with suppress(FileExistsError):  # another process was faster: use its secret
            os.link(mine, path)
    finally:
        mine.unlink()
    return path.read_text().strip()


def _normal(password: str) -> str:
    """NFKC, as NIST SP 800-63B asks: the same characters are the same password on every keyboard.

    What is longer than any password is cut: the time of NFKC grows with the square of a text's length.
    """
    return unicodedata.normalize("NFKC", password[:MAX_CHARS])
