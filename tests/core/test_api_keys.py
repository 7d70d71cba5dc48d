"""Keys of machine clients: shown once, kept as a digest, good until they are revoked."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from core.errors import Conflict, StoreUnavailable
from core.identity.api_keys import PREFIX, ApiKeys, Grant
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


DAY = timedelta(days=1)


def test_a_key_that_has_ended_is_none(store: Store) -> None:
    clock = FakeClock()
    keys = ApiKeys(store, clock)
    made, text = keys.create("clinic", SCOPES, lifetime=DAY)
    assert made.expires_at == "2026-01-02T12:00:00.000000Z"

    clock.tick(DAY.total_seconds() - 1)
    assert keys.look_up(text) is not None
    clock.tick(1)
    assert keys.look_up(text) is None


def test_the_last_use_is_written_once_an_hour(store: Store) -> None:
    clock = FakeClock()
    keys = ApiKeys(store, clock)
    _, text = keys.create("clinic", SCOPES)
    assert keys.all()[0].used_at is None
    seen = []
    for _ in range(4):
        keys.look_up(text)
        [kept] = store.find("api_keys", {})
        seen.append((kept["used_at"], kept["version"]))
        clock.tick(20 * 60)

    assert seen == [("2026-01-01T12:00:00.000000Z", 2)] * 3 + [("2026-01-01T13:00:00.000000Z", 3)]


def test_a_request_does_not_fail_because_the_last_use_cannot_be_written(keys: ApiKeys, store: Store) -> None:
    made, text = keys.create("clinic", SCOPES)

    class Reading(SqlStore):
        def __init__(self) -> None: ...

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def replace(self, collection: str, document: Document) -> Document:
            raise StoreUnavailable

    assert ApiKeys(Reading(), FakeClock()).look_up(text) == made


def test_a_rotated_key_overlaps_with_its_successor(store: Store) -> None:
    clock = FakeClock()
    keys = ApiKeys(store, clock)
    grant = Grant(SCOPES, ("clinic.*.*",), ("10.1.0.0/16",))
    old, old_text = keys.create("clinic", grant, "front desk", 30 * DAY)
    clock.tick(DAY.total_seconds())

    rotated = keys.rotate(old.id, timedelta(hours=2))

    assert rotated is not None
    new, new_text = rotated
    assert (new.client, new.name, new.label, new.grant) == (old.client, "clinic", "front desk", grant)
    assert (new.id != old.id, new.expires_at) == (True, "2026-02-01T12:00:00.000000Z")
    assert {keys.look_up(text, "10.1.0.1") is not None for text in (old_text, new_text)} == {True}
    clock.tick(2 * 3600)
    assert keys.look_up(old_text, "10.1.0.1") is None
    assert keys.look_up(new_text, "10.1.0.1") is not None
    assert keys.rotate(old.id, DAY) is None


def test_a_rotation_makes_no_key_live_longer(store: Store) -> None:
    keys = ApiKeys(store, FakeClock())
    old, _ = keys.create("clinic", SCOPES, lifetime=DAY)

    keys.rotate(old.id, 2 * DAY)
    keys.rotate(old.id, 0 * DAY)

    assert next(key.expires_at for key in keys.all() if key.id == old.id) == "2026-01-01T12:00:00.000000Z"
    assert keys.rotate(old.id, DAY) is None
    revoked, _ = keys.create("lab", SCOPES)
    keys.revoke(revoked.id)
    assert (keys.rotate(revoked.id, DAY), keys.rotate("nobody's", DAY)) == (None, None)


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("10.2.0.1", False),
        ("2001:db8::1", True),
        ("", False),
        ("x", False),
    ],
)
def test_a_key_is_good_from_its_networks(keys: ApiKeys, address: str, is_good: bool) -> None:
    _, text = keys.create("clinic", Grant(SCOPES, (), ("10.1.0.0/16", "2001:db8::/32")))

    assert (keys.look_up(text, address) is not None) == is_good


def test_a_key_of_an_earlier_release_is_its_own_client(keys: ApiKeys, store: Store) -> None:
    made, text = keys.create("clinic", SCOPES)
    [kept] = store.find("api_keys", {})
    known = ("id", "key", "name", "scopes", "created_at", "revoked_at", "version")
    store.replace("api_keys", {name: kept[name] for name in known})

    found = keys.look_up(text)

    assert found is not None
    assert (found.client, found.grant, found.expires_at) == (made.id, Grant(SCOPES), None)
