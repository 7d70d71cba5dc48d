"""The encryption of what is stored, and the keyed hash by which sealed values are found.

A value is sealed with XAES-256-GCM (C2SP): AES-256-GCM under a key that is derived for each value from a nonce of 24
random bytes. So one key seals any number of values. Plain AES-GCM with random nonces ends at 2**32 of them (NIST SP
800-38D, section 8.3), which is some days of a busy installation.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import StoreUnavailable

KEY_BYTES = 32
NONCE_BYTES = 24
FORM = "v1"
"""The first part of a token, which is followed by the id of its key, and by the nonce with the ciphertext."""

_HALF = NONCE_BYTES // 2
_BLOCK_BYTES = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FEEDBACK = 0x87
"""The constant of the doubling in GF(2**128): NIST SP 800-38B, section 5.3."""


class BrokenSeal(StoreUnavailable):
    """A stored document cannot be decrypted. The operator has to restore the document, or the key that it needs."""


@dataclass(frozen=True)
class Keys:
    """data: the first one seals, all of them open; index: that of the hashes. Of KEY_BYTES each."""

    data: tuple[bytes, ...] = field(repr=False)
    index: bytes = field(repr=False)


def read_keys(text: str) -> tuple[bytes, ...]:
    """Reads keys in base64, with commas between. Raises ValueError for one that is not of KEY_BYTES."""
    try:
        return tuple(_key(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            f"must be {KEY_BYTES} bytes in base64: make one with `openssl rand -base64 {KEY_BYTES}`."
        ) from None


def read_key_pair(data: str, index: str) -> Keys | None:
    """Reads the two settings; None where both are empty. Raises ValueError for one without the other, and as
    `read_keys` does."""
    keys, indexes = read_keys(data), read_keys(index)
    if not keys and not indexes:
        return None
    if not keys or len(indexes) != 1:
        raise ValueError("DATA_KEYS and DATA_INDEX_KEY: set both or none; DATA_INDEX_KEY is one key.")
    if len({*keys, *indexes}) != len(keys) + 1:
        raise ValueError("DATA_KEYS and DATA_INDEX_KEY: each key must be another one.")
    return Keys(keys, indexes[0])


class Sealing:
    """Seals with the first key, and opens with each. For any number of threads."""

    def __init__(self, keys: Keys) -> None:
        self._keys: Mapping[str, _ExtendedNonce] = {_name(key): _ExtendedNonce(key) for key in keys.data}
        self.key_id, self._first = next(iter(self._keys.items()))
        self._index = keys.index

    def seal(self, plain: bytes, about: bytes) -> str:
        """Returns a token. about: what it opens with alone, which is not in it."""
        return f"{FORM}.{self.key_id}.{_base64(self._first.encrypt(plain, about))}"

    def open(self, token: str, about: bytes) -> bytes:
        """The inverse of `seal`. Raises BrokenSeal, also for a token of an unknown key."""
        form, _, rest = token.partition(".")
        name, _, body = rest.partition(".")
        key = self._keys.get(name) if form == FORM else None
        if key is None:
            raise BrokenSeal(key=name)
        try:
            return key.decrypt(_from_base64(body), about)
        except (InvalidTag, ValueError):
            raise BrokenSeal(key=name) from None

    def seals_now(self, token: str) -> bool:
        """Whether the token is of the key that seals now."""
        return token.startswith(f"{FORM}.{self.key_id}.")

    def blind(self, place: str, value: str) -> str:
        """Returns the hash by which a value is found: 43 characters. place: equal values elsewhere have other ones."""
        return _base64(hmac.digest(self._index, f"{place}\n{value}".encode("utf-8", "surrogatepass"), "sha256"))

    @cached_property
    def index_id(self) -> str:
        """Names the key of the hashes."""
        return _name(self._index)


class _ExtendedNonce:
    """XAES-256-GCM, as https://c2sp.org/XAES-256-GCM describes it."""

    def __init__(self, key: bytes) -> None:
        # One block at a time, as CMAC uses AES.
        self._aes = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
        doubled = int.from_bytes(self._blocks(bytes(_BLOCK_BYTES))) << 1
        self._subkey = (doubled ^ (doubled >> 128) * _FEEDBACK) & (1 << 128) - 1
        self._subkeys = self._subkey << 128 | self._subkey

    def encrypt(self, plain: bytes, about: bytes, nonce: bytes | None = None) -> bytes:
        """Returns the nonce and the ciphertext. nonce: only for tests."""
        nonce = nonce or secrets.token_bytes(NONCE_BYTES)
        return nonce + self._derived(nonce).encrypt(nonce[_HALF:], plain, about)

    def decrypt(self, sealed: bytes, about: bytes) -> bytes:
        """Raises InvalidTag, or ValueError for what is too short."""
        if len(sealed) < NONCE_BYTES + _BLOCK_BYTES:
            raise ValueError("too short")
        nonce = sealed[:NONCE_BYTES]
        return self._derived(nonce).decrypt(nonce[_HALF:], sealed[NONCE_BYTES:], about)

    def _derived(self, nonce: bytes) -> AESGCM:
        half = nonce[:_HALF]
        counted = int.from_bytes(b"\x00\x01X\x00" + half + b"\x00\x02X\x00" + half)
        return AESGCM(self._blocks((counted ^ self._subkeys).to_bytes(2 * _BLOCK_BYTES)))

    def _blocks(self, plain: bytes) -> bytes:
        return self._aes.encryptor().update(plain)


def _name(key: bytes) -> str:
    """Says nothing about a random key."""
    return _base64(hmac.digest(key, b"quittance: the name of this key", "sha256")[:6])


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=\n").translate(_URL_SAFE).decode()


def _from_base64(text: str) -> bytes:
    """The inverse of `_base64`, for what it has written alone. Raises ValueError."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64(data) != text:
        raise ValueError("not what was written")
    return data


def _key(text: str) -> bytes:
    """Takes both alphabets, with padding or without. Raises ValueError."""
    key = _from_base64(text.strip().rstrip("=").replace("+", "-").replace("/", "_"))
    if len(key) != KEY_BYTES:
        raise ValueError("the key has the wrong length")
    return key
