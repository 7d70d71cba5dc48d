"""The encryption of values: it is XAES-256-GCM, and nothing opens that is not exactly what was sealed."""

import base64
import hashlib

import pytest

from core.sealing import FORM, KEY_BYTES, BrokenSeal, Keys, Sealing, _ExtendedNonce, read_key_pair, read_keys

ONE, OTHER, INDEX = b"1" * KEY_BYTES, b"2" * KEY_BYTES, b"i" * KEY_BYTES


def sealing(*data: bytes, index: bytes = INDEX) -> Sealing:
    return Sealing(Keys(data or (ONE,), index))


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize(
    ("key", "about", "expected"),
    [
        (1, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (3, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_it_is_xaes_256_gcm(key: int, about: bytes, expected: str) -> None:
    """The vectors are those of c2sp.org/XAES-256-GCM: one for each value of the bit that the doubling looks at."""
    sealed = _ExtendedNonce(bytes([key] * KEY_BYTES)).encrypt(b"XAES-256-GCM", about, b"ABCDEFGHIJKLMNOPQRSTUVWX")

    assert sealed[24:].hex() == expected


def test_it_is_xaes_256_gcm_ten_thousand_times() -> None:
    """The accumulated vector of c2sp.org/XAES-256-GCM."""
    stream, at, heard = hashlib.shake_128().digest(4_000_000), 0, hashlib.shake_128()

    def read(size: int) -> bytes:
        nonlocal at
        at += size
        return stream[at - size : at]

    for _ in range(10_000):
        key, nonce, plain, about = read(32), read(24), read(read(1)[0]), read(read(1)[0])
        heard.update(_ExtendedNonce(key).encrypt(plain, about, nonce)[24:])

    assert heard.hexdigest(32) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"


def test_what_is_sealed_opens_with_its_key_alone() -> None:
    token = sealing(ONE).seal(b"+2250707000001", b"about")

    assert sealing(OTHER, ONE).open(token, b"about") == b"+2250707000001"
    with pytest.raises(BrokenSeal):
        sealing(OTHER).open(token, b"about")
    with pytest.raises(BrokenSeal):
        sealing(ONE).open(token, b"another")


def test_the_first_key_seals() -> None:
    former, now = sealing(ONE), sealing(OTHER, ONE)

    assert now.seals_now(now.seal(b"", b""))
    assert not now.seals_now(former.seal(b"", b""))


def test_the_same_value_is_never_sealed_the_same() -> None:
    assert sealing().seal(b"a", b"") != sealing().seal(b"a", b"")


def test_no_altered_token_opens() -> None:
    token = sealing().seal(b"+2250707000001", b"")
    altered = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    inserted = [token[:at] + sign + token[at:] for at in (0, 2, 3, 20, len(token)) for sign in " \n.!=A"]
    truncated = [token[:size] for size in range(len(token))]

    for each in (*altered, *inserted, *truncated, f"{FORM}..", "v2" + token[2:]):
        with pytest.raises(BrokenSeal):
            sealing().open(each, b"")


def test_a_hash_depends_on_the_place_and_on_the_key() -> None:
    hashes = {
        sealing().blind("phones.id", "a"),
        sealing().blind("phones.id", "b"),
        sealing().blind("usernames.id", "a"),
        sealing(index=OTHER).blind("phones.id", "a"),
    }

    assert len(hashes) == 4
    assert sealing(OTHER).blind("phones.id", "a") in hashes
    assert {len(found) for found in hashes} == {43}


@pytest.mark.parametrize("written", [text(b"\xff" * 32), base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")])
def test_keys_are_read_in_both_alphabets(written: str) -> None:
    assert read_keys(f" {written} ,{text(ONE)},\n") == (b"\xff" * 32, ONE)


@pytest.mark.parametrize(
    ("data", "index", "why"),
    [
        (text(ONE), "", "set both or none"),
        ("", text(ONE), "set both or none"),
        (text(ONE), f"{text(INDEX)},{text(OTHER)}", "is one key"),
        (text(ONE), text(ONE), "another one"),
        (f"{text(ONE)},{text(ONE)}", text(INDEX), "another one"),
        (text(ONE[1:]), text(INDEX), "openssl rand -base64 32"),
        ("no key!", text(INDEX), "openssl rand -base64 32"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(data: str, index: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_key_pair(data, index)


def test_no_keys_are_no_error() -> None:
    assert read_key_pair("", "") is None
