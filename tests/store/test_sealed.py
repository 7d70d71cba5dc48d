"""What a database has of a store that is sealed, and what becomes of those who alter it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.errors import Duplicate
from core.installed import DEFAULT
from core.operation import Status
from core.sealing import KEY_BYTES, BrokenSeal, Keys
from core.store.memory import MemoryStore
from core.store.port import OPERATIONS, PHONES, AtMost, Collection, Document, OneOf, Store, scan
from core.store.sealed import SEALED
from tests.doubles import KEYS, new_operation, open_sql, sealed
from tests.privacy import PHONE, raw_text
from tests.store.samples import ids, the_one

AWA, KOFI = "+2250707000001", "+2250707000002"
OTHER_KEYS = Keys((b"o" * KEY_BYTES,), b"p" * KEY_BYTES)


@pytest.fixture(params=["memory", "sqlite"])
def raw(request: pytest.FixtureRequest) -> Store:
    """In memory, documents keep the Python types that they were given; in SQLite they are text."""
    return MemoryStore(DEFAULT.collections) if request.param == "memory" else open_sql()


@pytest.fixture
def store(raw: Store) -> Store:
    found: Store = sealed(raw)
    return found


def payment(id: str, msisdn: str = AWA, **changes: Any) -> Document:
    request = {"msisdn": msisdn, "plate": "1234 AB 01"}
    return new_operation(id=id, kind="fine_payment", request=request, subject=msisdn, **changes).to_document()


def stored(raw: Store, collection: str) -> Document:
    (found,) = scan(raw, collection, {})
    return found


def test_the_database_has_what_documents_are_found_by_and_a_token(raw: Store, store: Store) -> None:
    store.insert(OPERATIONS, payment("a"))

    found = stored(raw, OPERATIONS)

    assert found.keys() == {
        *("id", "version", "schema", "kind", "status", "due_at", "bucket", "short"),
        *("subject", "counterparty", "client", SEALED),
    }
    assert (found["id"], found["kind"], found["counterparty"]) == ("a", "fine_payment", None)
    assert AWA not in json.dumps(found)
    assert "plate" not in json.dumps(found)


def test_an_equal_value_of_another_field_has_another_hash(raw: Store, store: Store) -> None:
    store.insert(OPERATIONS, payment("a", counterparty=AWA))

    found = stored(raw, OPERATIONS)

    assert found["subject"] != found["counterparty"]


def test_blind_fields_are_found_by_equality(store: Store) -> None:
    for id, msisdn in (("a", AWA), ("b", KOFI), ("c", "+2250707000003")):
        store.insert(OPERATIONS, payment(id, msisdn))

    def found(condition: Any) -> list[str]:
        return ids(store.find(OPERATIONS, {"kind": "fine_payment", "subject": condition}))

    assert found(AWA) == ["a"]
    assert found(OneOf((AWA, KOFI))) == ["a", "b"]
    assert found("+2250707000009") == []
    assert found(None) == []


@pytest.mark.parametrize(
    ("where", "order"), [({"subject": AtMost(AWA)}, "id"), ({}, "subject"), ({}, "-counterparty")], ids=str
)
def test_blind_fields_have_no_order(store: Store, where: Document, order: str) -> None:
    with pytest.raises(ValueError, match="blind"):
        store.find(OPERATIONS, where, order)


def test_a_member_of_an_enumeration_is_as_good_as_its_value(store: Store) -> None:
    store.insert(OPERATIONS, {"id": "a", "kind": Status.OPEN, "status": Status.OPEN, "subject": Status.OPEN})

    for value in (Status.OPEN, "open"):
        assert ids(store.find(OPERATIONS, {"kind": value, "subject": value})) == ["a"]


def test_a_number_is_not_the_text_of_it(store: Store) -> None:
    store.insert_all(*((OPERATIONS, {"id": str(at), "subject": value}) for at, value in enumerate((1, "1", None))))

    assert [ids(store.find(OPERATIONS, {"subject": value})) for value in (1, "1", None)] == [["0"], ["1"], ["2"]]


@pytest.mark.parametrize("order", ["id", "-id", "due_at", "-due_at"])
def test_one_that_does_not_open_is_left_out_and_keeps_no_page_short(raw: Store, store: Store, order: str) -> None:
    for id in "abcdefgh":
        store.insert(OPERATIONS, payment(id))
    for id in "abg":
        altered = raw.get(OPERATIONS, id)
        assert altered is not None
        raw.replace(OPERATIONS, {**altered, "status": "succeeded"})

    with capture_logs() as lines:
        pages = [ids(store.find(OPERATIONS, {}, order, limit=2)) for _ in range(2)]

    assert pages == [["h", "f"] if order.startswith("-") else ["c", "d"]] * 2
    assert {line["id"] for line in lines} <= set("abg")
    assert len(lines) == len({line["id"] for line in lines})
    assert len(list(scan(store, OPERATIONS, {}))) == 5
    with pytest.raises(BrokenSeal):
        store.get(OPERATIONS, "a")


def test_a_blind_id_cannot_be_compared(store: Store) -> None:
    with pytest.raises(ValueError, match="blind"):
        store.find(PHONES, {"id": AtMost(AWA)})


@pytest.mark.parametrize("order", ["id", "-id", "since", "-since"])
def test_blind_ids_are_paged_through_without_a_gap_or_a_double(raw: Store, store: Store, order: str) -> None:
    names = {f"number {number}" for number in range(23)}
    for number, name in enumerate(sorted(names)):
        store.insert("attempts", {"id": name, "since": f"{number // 5}"})

    seen: list[str] = []
    after = None
    while page := store.find("attempts", {}, order, limit=4, after=after):
        seen += ids(page)
        after = (page[-1][order.removeprefix("-")], page[-1]["id"])

    assert (sorted(seen), len(seen)) == (sorted(names), 23)
    assert names.isdisjoint(ids(scan(raw, "attempts", {})))


def test_a_blind_id_is_one_documents_alone(raw: Store, store: Store) -> None:
    first = store.insert(PHONES, {"id": AWA, "holder": "a"})
    with pytest.raises(Duplicate):
        store.insert(PHONES, {"id": AWA, "holder": "b"})

    second = store.replace(PHONES, {**first, "holder": "b"})
    assert the_one(store.get(PHONES, AWA)) == second == {"id": AWA, "holder": "b", "version": 2}
    assert raw.get(PHONES, AWA) is None

    store.delete(PHONES, AWA, 2)
    assert list(scan(raw, PHONES, {})) == []


def test_a_collection_that_is_not_sealed_is_as_it_was(raw: Store, store: Store) -> None:
    saved = store.insert("wallets", {"id": "w", "balance": 100})

    assert raw.get("wallets", "w") == saved == {"id": "w", "balance": 100, "version": 1}


def test_what_a_product_does_not_declare_is_sealed() -> None:
    assert Collection("parcels").sealed


def _swap(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**first, SEALED: second[SEALED]})


def _truncate(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**first, SEALED: first[SEALED][:-8]})


def _alter(raw: Store, first: Document, second: Document) -> None:
    token = first[SEALED]
    raw.replace(OPERATIONS, {**first, SEALED: token[:40] + ("A" if token[40] != "A" else "B") + token[41:]})


def _say_that_it_has_ended(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**first, "status": "succeeded"})


def _give_to_another(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**first, "subject": second["subject"]})


def _open_it(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**payment("a"), "version": first["version"]})


def _put_in_what_is_no_token(raw: Store, first: Document, second: Document) -> None:
    raw.replace(OPERATIONS, {**first, SEALED: None})


@pytest.mark.parametrize(
    "alter",
    [_swap, _truncate, _alter, _say_that_it_has_ended, _give_to_another, _open_it, _put_in_what_is_no_token],
)
def test_an_altered_document_is_no_document(
    raw: Store, store: Store, alter: Callable[[Store, Document, Document], None]
) -> None:
    store.insert_all((OPERATIONS, payment("a")), (OPERATIONS, payment("b", KOFI)))
    alter(raw, the_one(raw.get(OPERATIONS, "a")), the_one(raw.get(OPERATIONS, "b")))

    with pytest.raises(BrokenSeal, match="'operations', id='a'"):
        store.get(OPERATIONS, "a")
    assert ids(store.find(OPERATIONS, {})) == ["b"]
    assert the_one(store.get(OPERATIONS, "b"))["subject"] == KOFI


def test_a_token_of_another_collection_does_not_open(raw: Store, store: Store) -> None:
    store.insert("people", {"id": "a", "msisdn": AWA})
    raw.insert("merchants", raw.get("people", "a") or {})

    with pytest.raises(BrokenSeal):
        store.get("merchants", "a")


def test_other_keys_open_nothing(raw: Store, store: Store) -> None:
    store.insert_all((OPERATIONS, payment("a")), (PHONES, {"id": AWA, "holder": "a"}))
    stranger = sealed(raw, OTHER_KEYS)

    with pytest.raises(BrokenSeal):
        stranger.get(OPERATIONS, "a")
    assert stranger.get(PHONES, AWA) is None


def test_an_error_says_nothing_private(raw: Store, store: Store) -> None:
    store.insert(PHONES, {"id": AWA, "holder": "a"})

    with pytest.raises(BrokenSeal) as broken:
        sealed(raw, Keys(OTHER_KEYS.data, KEYS.index)).get(PHONES, AWA)

    assert not PHONE.search(str(broken.value))


def test_no_member_may_have_the_name_of_the_token(store: Store) -> None:
    with pytest.raises(ValueError, match=SEALED):
        store.insert(PHONES, {"id": AWA, SEALED: "v1"})


def test_a_leak_would_be_found(raw: Store) -> None:
    raw.insert(OPERATIONS, payment("a"))

    assert PHONE.search(raw_text(raw, DEFAULT.collections))
