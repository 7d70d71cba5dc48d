"""What every store adapter promises. The adapters are the parameters of `open_store` in conftest.py."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from core.errors import Conflict, Duplicate
from core.store.port import AtMost, Condition, Document, OneOf, Store
from tests.store.samples import THREADS, at_once, ids, operation, the_one

Where = Mapping[str, Condition]


class TestInsert:
    def test_returns_the_document_with_version_1(self, store: Store) -> None:
        saved = store.insert("operations", operation("a", version=7))

        assert saved == operation("a", version=1)
        assert store.get("operations", "a") == saved

    def test_refuses_a_second_document_with_the_same_id(self, store: Store) -> None:
        store.insert("operations", operation("a"))

        with pytest.raises(Duplicate):
            store.insert("operations", operation("a", status="processing"))

        assert the_one(store.get("operations", "a"))["status"] == "accepted"

    def test_one_of_many_at_once_wins_an_id(self, store: Store) -> None:
        def insert(number: int) -> Any:
            try:
                return store.insert("claims", {"id": "AM-1", "holder": number})["holder"]
            except Duplicate:
                return None

        winners = [holder for holder in at_once(insert) if holder is not None]

        assert [the_one(store.get("claims", "AM-1"))["holder"]] == winners

    def test_collections_are_apart(self, store: Store) -> None:
        store.insert("operations", operation("a"))
        store.insert("claims", {"id": "a"})

        assert store.get("claims", "a") == {"id": "a", "version": 1}
        assert store.get("idempotency_keys", "a") is None


class TestInsertAll:
    def test_stores_each_in_its_collection(self, store: Store) -> None:
        store.insert_all(("claims", {"id": "a", "holder": "o"}), ("operations", operation("o", version=7)))

        assert store.get("claims", "a") == {"id": "a", "holder": "o", "version": 1}
        assert store.get("operations", "o") == operation("o", version=1)

    def test_stores_nothing_after_one_that_is_there(self, store: Store) -> None:
        store.insert("claims", {"id": "b", "holder": "first"})

        with pytest.raises(Duplicate):
            store.insert_all(("claims", {"id": "a"}), ("claims", {"id": "b"}), ("operations", operation("o")))

        assert store.get("operations", "o") is None
        assert the_one(store.get("claims", "b"))["holder"] == "first"
        assert store.insert("claims", {"id": "c"})["version"] == 1

    def test_of_many_at_once_one_stores_all(self, store: Store) -> None:
        def insert(number: int) -> str | None:
            id = str(number)
            try:
                store.insert_all(("claims", {"id": "the same", "holder": id}), ("operations", operation(id)))
                return id
            except Duplicate:
                return None

        winners = [id for id in at_once(insert) if id is not None]

        assert ids(store.find("operations", {})) == winners == [the_one(store.get("claims", "the same"))["holder"]]


class TestGet:
    def test_an_unknown_id_is_none(self, store: Store) -> None:
        assert store.get("operations", "nobody") is None

    def test_case_accents_and_spaces_of_ids_count(self, store: Store) -> None:
        for id in ("a", "A", "á", "a ", " a"):
            store.insert("claims", {"id": id, "is": id})

        assert [the_one(store.get("claims", id))["is"] for id in ("a", "A", "á", "a ", " a")] == [
            "a",
            "A",
            "á",
            "a ",
            " a",
        ]

    @pytest.mark.parametrize(
        "value",
        [
            "Amende payée — 25 000 F ₣ 支付 🚗 \u0000\u007f",
            {"a": {"b": [{"c": None, "d": []}, {}], "true": True, "false": False}},
            [[], [1, [2, {"a": [[3]]}]]],
            [0, -1, 2**53, -(2**63), 2**63 - 1, 0.1, -2.5e-300],
            "x" * 200_000,
            "$set: {a.b: 1}' OR 1=1 -- %s :id ? \\ \" \n",
            "",
        ],
        ids=["unicode", "nested", "arrays_in_arrays", "numbers", "large", "syntax", "empty"],
    )
    def test_gives_back_what_was_stored(self, store: Store, value: object) -> None:
        saved = store.insert("operations", operation("a", content=value))
        again = store.replace("operations", saved)

        assert saved["content"] == again["content"] == the_one(store.get("operations", "a"))["content"] == value

    @pytest.mark.parametrize("text", ["AM.2026.$1", "$where", "%d :x ?", "l'été\n", "🚗", "0", "null", "x" * 255])
    def test_finds_odd_ids_and_values(self, store: Store, text: str) -> None:
        store.insert("operations", operation(text, subject=text))
        store.insert("operations", operation("other", subject="other"))

        assert the_one(store.get("operations", text))["id"] == text
        assert ids(store.find("operations", {"kind": "fine_payment", "subject": text})) == [text]

    def test_documents_are_the_callers_own(self, store: Store) -> None:
        mine = operation("a", steps={"debit": {"attempts": 1}})
        inserted = store.insert("operations", mine)
        inserted["steps"]["debit"]["attempts"] = 2

        def get() -> Document:
            return the_one(store.get("operations", "a"))

        def find() -> Document:
            return store.find("operations", {})[0]

        for read in (get, find):
            read()["steps"]["debit"]["attempts"] = 3
            assert read()["steps"]["debit"]["attempts"] == 1

    def test_verbs_leave_the_callers_document_as_it_was(self, store: Store) -> None:
        mine = operation("a")
        store.insert("operations", mine)
        assert mine == operation("a")

        current = the_one(store.get("operations", "a"))
        store.replace("operations", current)
        assert current == operation("a", version=1)


class TestReplace:
    def test_saves_and_counts_the_version(self, store: Store) -> None:
        first = store.insert("operations", operation("a", due_at="2026-01-01"))
        second = store.replace("operations", first | {"status": "processing", "due_at": None})

        assert second == first | {"status": "processing", "due_at": None, "version": 2}
        assert store.get("operations", "a") == second
        assert store.find("operations", {"kind": "fine_payment", "status": "accepted"}) == []
        assert store.find("operations", {"kind": "fine_payment", "due_at": AtMost("9")}) == []

    def test_drops_fields_that_are_gone(self, store: Store) -> None:
        saved = store.insert("operations", operation("a", lease={"worker": "w"}))
        del saved["lease"]

        assert "lease" not in store.replace("operations", saved)
        assert "lease" not in the_one(store.get("operations", "a"))

    @pytest.mark.parametrize("version", [0, 1, 3])
    def test_refuses_another_version(self, store: Store, version: int) -> None:
        current = store.replace("operations", store.insert("operations", operation("a")))

        with pytest.raises(Conflict):
            store.replace("operations", operation("a", status="lost", version=version))

        assert store.get("operations", "a") == current

    def test_refuses_a_document_that_is_not_there(self, store: Store) -> None:
        with pytest.raises(Conflict):
            store.replace("operations", operation("a", version=1))

        assert store.get("operations", "a") is None

    def test_loses_no_update_of_many_at_once(self, store: Store) -> None:
        rounds = 5
        store.insert("claims", {"id": "counter", "count": 0})

        def add(_: int) -> None:
            for _ in range(rounds):
                while True:
                    current = the_one(store.get("claims", "counter"))
                    try:
                        store.replace("claims", current | {"count": current["count"] + 1})
                        break
                    except Conflict:
                        continue

        at_once(add)

        final = {"id": "counter", "count": THREADS * rounds, "version": THREADS * rounds + 1}
        assert store.get("claims", "counter") == final

    def test_one_of_many_at_once_takes_a_version(self, store: Store) -> None:
        first = store.insert("operations", operation("a"))

        def take(number: int) -> int | None:
            try:
                return int(store.replace("operations", first | {"lease": number})["lease"])
            except Conflict:
                return None

        winners = [number for number in at_once(take) if number is not None]

        assert [the_one(store.get("operations", "a"))["lease"]] == winners


class TestDelete:
    def test_deletes_this_version_only(self, store: Store) -> None:
        current = store.replace("claims", store.insert("claims", {"id": "a"}))

        with pytest.raises(Conflict):
            store.delete("claims", "a", 1)
        assert store.get("claims", "a") == current

        store.delete("claims", "a", 2)
        assert store.get("claims", "a") is None

    def test_of_what_is_not_there_is_a_conflict(self, store: Store) -> None:
        with pytest.raises(Conflict):
            store.delete("claims", "a", 1)

    def test_frees_the_id_and_the_unique_value(self, store: Store) -> None:
        store.insert("operations", operation("a"))
        store.delete("operations", "a", 1)

        assert store.insert("operations", operation("a"))["version"] == 1


class TestFind:
    @pytest.fixture
    def rows(self, store: Store) -> None:
        """Two documents for each time, one of another kind, two without a time."""
        times = {"a": "2", "b": "1", "c": "3", "d": "1", "e": "3", "f": "2", "g": None}
        for id, due_at in times.items():
            subject = "s" if id in "abc" else None
            store.insert("operations", operation(id, due_at=due_at, subject=subject, bucket=3 if id == "a" else 4))
        store.insert("operations", operation("h"))
        store.insert("operations", operation("i", kind="event", due_at="1", bucket=7))

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize(
        ("where", "order", "expected"),
        [
            ({}, "id", "abcdefghi"),
            ({}, "-id", "ihgfedcba"),
            ({"kind": "event"}, "id", "i"),
            ({"due_at": AtMost("1")}, "due_at", "bdi"),
            ({"kind": "nothing"}, "id", ""),
            ({"kind": "fine_payment", "due_at": AtMost("2")}, "due_at", "bdaf"),
            ({"kind": "fine_payment", "due_at": AtMost("2")}, "-due_at", "fadb"),
            ({"kind": "fine_payment", "due_at": AtMost("0")}, "due_at", ""),
            ({"kind": "fine_payment", "due_at": AtMost("2")}, "id", "abdf"),
            ({"kind": "fine_payment"}, "due_at", "bdafce"),
            ({"kind": "fine_payment"}, "-due_at", "ecfadb"),
            ({"kind": "fine_payment", "due_at": None}, "id", "gh"),
            ({"kind": "fine_payment", "due_at": None}, "due_at", ""),
            ({"due_at": "1"}, "id", "bdi"),
            ({"kind": "fine_payment", "subject": "s"}, "-id", "cba"),
            ({"kind": "fine_payment", "subject": "s", "due_at": "2"}, "id", "a"),
            ({"id": "c"}, "id", "c"),
            ({"id": AtMost("c")}, "-id", "cba"),
            ({"due_at": OneOf(("1", "3"))}, "due_at", "bdice"),
            ({"due_at": OneOf(("4",))}, "due_at", ""),
            ({"kind": "fine_payment", "subject": OneOf(("s", "t")), "due_at": AtMost("2")}, "due_at", "ba"),
            ({"bucket": OneOf((3, 7))}, "id", "ai"),
        ],
    )
    def test_filters_and_orders(self, store: Store, where: Where, order: str, expected: str) -> None:
        assert "".join(ids(store.find("operations", where, order=order))) == expected

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    @pytest.mark.parametrize(
        ("where", "order", "expected"),
        [
            ({}, "id", "abcdefghi"),
            ({}, "-id", "ihgfedcba"),
            ({"kind": "fine_payment", "due_at": AtMost("3")}, "due_at", "bdafce"),
            ({"kind": "fine_payment", "due_at": AtMost("2")}, "-due_at", "fadb"),
            ({"kind": "fine_payment"}, "kind", "abcdefgh"),
        ],
    )
    def test_pages_without_a_gap_or_a_double(
        self, store: Store, where: Where, order: str, expected: str, size: int
    ) -> None:
        seen, after = "", None
        while page := store.find("operations", where, order=order, limit=size, after=after):
            assert len(page) <= size
            seen += "".join(ids(page))
            after = (page[-1][order.removeprefix("-")], page[-1]["id"])

        assert seen == expected

    def test_text_sorts_by_code_point(self, store: Store) -> None:
        values = ["", "10", "9", "A", "B", "Z", "a", "aa", "b", "z", "É", "é", "ж", "\uffee", "🚗"]
        for number, value in enumerate(reversed(values)):
            store.insert("operations", operation(f"{number:02}", subject=value))

        found = store.find("operations", {"kind": "fine_payment"}, order="subject")
        until = store.find("operations", {"kind": "fine_payment", "subject": AtMost("Z")}, order="subject")

        assert [document["subject"] for document in found] == values
        assert [document["subject"] for document in until] == values[:6]

    def test_integers_sort_as_numbers(self, store: Store) -> None:
        values = [-(2**40), -10, -9, 0, 9, 10, 2**40]
        for number, value in enumerate(reversed(values)):
            store.insert("operations", operation(str(number), subject=value))

        found = store.find("operations", {"kind": "fine_payment", "subject": AtMost(9)}, order="subject")

        assert [document["subject"] for document in found] == values[:5]
        assert len(store.find("operations", {"kind": "fine_payment", "subject": 10})) == 1

    def test_gives_whole_documents(self, store: Store) -> None:
        saved = store.insert("operations", operation("a", steps={"claim": {"state": "done"}}))

        assert store.find("operations", {"kind": "fine_payment"}) == [saved]

    @pytest.mark.parametrize(
        "question", [({"amount": 1}, "id"), ({}, "amount"), ({"version": 1}, "id"), ({}, "--id")], ids=str
    )
    def test_refuses_a_field_that_is_not_declared(self, store: Store, question: tuple[Where, str]) -> None:
        where, order = question
        with pytest.raises(ValueError, match="declares no field"):
            store.find("operations", where, order=order)


class TestCount:
    @pytest.mark.parametrize(
        ("where", "limit", "expected"),
        [
            ({}, 10, 4),
            ({}, 3, 3),
            ({"kind": "fine", "status": "accepted"}, 10, 2),
            ({"kind": "fine", "due_at": AtMost("2026-01-02")}, 10, 1),
            ({"status": OneOf(("accepted", "failed"))}, 10, 3),
            ({"kind": "nothing"}, 10, 0),
        ],
    )
    def test_counts_what_meets_all_conditions_up_to_the_limit(
        self, store: Store, where: Where, limit: int, expected: int
    ) -> None:
        store.insert("operations", operation("a", kind="fine", status="accepted", due_at="2026-01-01"))
        store.insert("operations", operation("b", kind="fine", status="accepted", due_at="2026-01-03"))
        store.insert("operations", operation("c", kind="fine", status="succeeded", due_at=None))
        store.insert("operations", operation("d", kind="other", status="accepted", due_at="2026-01-01"))

        assert store.count("operations", where, limit) == expected

    def test_refuses_a_field_that_is_not_declared(self, store: Store) -> None:
        with pytest.raises(ValueError, match="operations"):
            store.count("operations", {"request": "x"}, 10)


class TestDurability:
    def test_another_store_sees_a_write_at_once(self, open_store: Callable[[], Store]) -> None:
        one, other = open_store(), open_store()
        saved = one.insert("operations", operation("a"))
        assert other.get("operations", "a") == saved

        other.replace("operations", saved | {"status": "processing"})
        with pytest.raises(Conflict):
            one.replace("operations", saved)
        assert the_one(one.get("operations", "a"))["status"] == "processing"

    def test_stores_that_start_at_once_agree(self, open_store: Callable[[], Store]) -> None:
        def start(number: int) -> int:
            return int(open_store().insert("claims", {"id": str(number)})["version"])

        assert at_once(start, 6) == [1] * 6
        assert len(open_store().find("claims", {})) == 6
