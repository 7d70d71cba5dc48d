"""Keys of machine clients: shown once, kept as a digest, good until they are revoked."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from core.errors import Conflict
from core.identity.api_keys import PREFIX, ApiKeys
from core.store.port import Document, Store
from core.store.sql import SqlStore
from tests.doubles import FakeClock, lent_sql
from tests.store.samples import at_once

SCOPES = frozenset({"consultations"})


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def keys(store: Store) -> ApiKeys:
    return ApiKeys(store, FakeClock())


def test_a_key_is_found_by_its_text(keys: ApiKeys) -> None:
    made, text = keys.create("clinic", SCOPES)

    assert text.startswith(PREFIX)
    assert len(text) == len(PREFIX) + 43  # 256 bits
    assert keys.look_up(text) == made
    assert (made.name, made.scopes, made.revoked_at) == ("clinic", SCOPES, None)
    assert made.created_at == "2026-01-01T12:00:00.000000Z"


def test_only_its_digest_is_kept(keys: ApiKeys, store: Store) -> None:
    _, text = keys.create("clinic", SCOPES)

    [kept] = store.find("api_keys", {})
    assert kept["id"] == hashlib.sha256(text.encode()).hexdigest()
    assert text.removeprefix(PREFIX) not in json.dumps(kept)


def test_what_is_no_key_is_none(keys: ApiKeys, store: Store) -> None:
    made, text = keys.create("clinic", SCOPES)
    digest = store.find("api_keys", {})[0]["id"]

    for other in (
        "",
        PREFIX,
        text[:-1],
        text + "x",
        text.upper(),
        f" {text}",
        made.id,
        digest,
        PREFIX + digest,
        "\u00e9\0",
    ):
        assert keys.look_up(other) is None


def test_two_keys_of_one_name_are_two(keys: ApiKeys) -> None:
    (one, text), (other, _) = keys.create("clinic", SCOPES), keys.create("clinic", frozenset())

    assert one.id != other.id
    assert keys.all() == [one, other]
    assert keys.revoke(other.id)
    assert keys.look_up(text) == one


def test_a_revoked_key_is_none_and_stays_in_the_list(keys: ApiKeys) -> None:
    made, text = keys.create("clinic", SCOPES)

    assert keys.revoke(made.id)

    assert keys.look_up(text) is None
    assert [(key.id, key.revoked_at) for key in keys.all()] == [(made.id, "2026-01-01T12:00:00.000000Z")]


def test_a_key_is_revoked_once(keys: ApiKeys) -> None:
    made, _ = keys.create("clinic", SCOPES)

    assert at_once(lambda _: keys.revoke(made.id), 8).count(True) == 1
    assert not keys.revoke(made.id)
    assert not keys.revoke("nobody's")


def test_a_key_that_somebody_changes_meanwhile_is_revoked_all_the_same(store: Store) -> None:
    class Contended(SqlStore):
        conflicts = 3

        def replace(self, collection: str, document: Document) -> Document:
            if self.conflicts:
                self.conflicts -= 1
                raise Conflict
            return super().replace(collection, document)

    contended = Contended("sqlite://")
    keys = ApiKeys(contended, FakeClock())
    made, text = keys.create("clinic", SCOPES)

    assert keys.revoke(made.id)
    assert keys.look_up(text) is None
    contended.close()
