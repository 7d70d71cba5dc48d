"""Fingerprints, keys and names in every order of the verbs of two or three processes, of which one may die.

Between the claim and its holder anything may happen: on a sharded database they are two writes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from core import accept as accepting
from core import repeated
from core.accept import Accepted, Command, accept, close
from core.broker.embedded import EmbeddedBroker
from core.claims import Claims
from core.errors import AlreadyOpen, Conflict, NameTaken
from core.idempotency import Key
from core.identity.names import Names
from core.identity.people import People
from core.operation import Operation, Status
from core.store.memory import MemoryStore
from core.store.port import OPERATIONS, PEOPLE, Store, scan, update
from tests.doubles import START, FakeClock
from tests.interleaving import Act, Run, runs

COMMAND = Command("test", {"amount": 1}, "c")
PHONE = "+2250707000001"
FIRST_PERSON, SECOND_PERSON = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def asks(**changes: Any) -> Act:
    def ask(store: Store) -> Accepted:
        clock = FakeClock()
        return accept(store, EmbeddedBroker(store, clock), clock, replace(COMMAND, **changes))

    return ask


def fails(store: Store) -> None:
    """The operation that is there fails, and releases its fingerprint."""
    for document in store.find(OPERATIONS, {}):
        update(store, OPERATIONS, document["id"], failed)


def failed(document: dict[str, Any]) -> dict[str, Any] | None:
    operation = Operation.from_document(document)
    if operation.terminal:
        return None
    return operation.moved(Status.PROCESSING, START).moved(Status.FAILED, START).to_document()


def accepted_before(**changes: Any) -> Callable[[], Store]:
    def prepare() -> Store:
        store = MemoryStore()
        asks(**changes)(store)
        return store

    return prepare


def operations(store: Store) -> list[Operation]:
    return [Operation.from_document(document) for document in scan(store, OPERATIONS, {})]


def answers(run: Run) -> list[Accepted]:
    """The answers that clients got. Raises what an actor raised."""
    for result in run.results.values():
        if isinstance(result, Exception):
            raise result
    return [result for result in run.results.values() if isinstance(result, Accepted)]


def assert_accepted_once(prepare: Callable[[], Store], acts: Sequence[Act], **bounds: int) -> None:
    seen = 0
    for run, store in runs(prepare, acts, **bounds):
        told, seen = {answer.operation.id for answer in answers(run)}, seen + 1
        last = asks()(store).operation  # the client of one that died asks again
        live = [operation for operation in operations(store) if operation.fingerprint]
        assert [operation.id for operation in live] == [last.id], run.turns
        assert told <= {operation.id for operation in operations(store)}, run.turns
    assert seen > 10


class TestFingerprints:
    def test_requests_at_once_are_one_whoever_dies(self) -> None:
        for run, store in runs(MemoryStore, [asks(), asks()], preemptions=3, deaths=1):
            ids = {answer.operation.id for answer in answers(run)} | {asks()(store).operation.id}
            assert [operation.id for operation in operations(store)] == list(ids), run.turns

    def test_three_at_once_are_one(self) -> None:
        assert_accepted_once(MemoryStore, [asks()] * 3, preemptions=2)

    @pytest.mark.slow
    def test_while_the_first_one_fails_a_new_one_is_accepted_once(self) -> None:
        assert_accepted_once(accepted_before(), [asks(), fails, asks()], preemptions=2)
        assert_accepted_once(accepted_before(), [asks(), fails, asks()], preemptions=1, deaths=1)

    def test_a_take_over_of_what_is_not_stored_yet_would_be_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def lost(store: Store) -> Claims:
            return Claims(store, "fingerprints", lambda holder, _: store.get(OPERATIONS, holder) is None)

        monkeypatch.setattr(accepting, "fingerprints", lost)
        monkeypatch.setattr(repeated, "fingerprints", lost)
        with pytest.raises(AssertionError):
            assert_accepted_once(MemoryStore, [asks(), asks()], preemptions=2)


class TestKeys:
    def test_a_key_names_one_operation_whoever_dies(self) -> None:
        for run, store in runs(MemoryStore, [asks(idempotency_key="k")] * 2, preemptions=2, deaths=1):
            ids = {answer.operation.id for answer in answers(run)}
            ids |= {asks(idempotency_key="k")(store).operation.id, asks()(store).operation.id}
            assert [operation.id for operation in operations(store)] == list(ids), run.turns

    def test_one_that_is_pointed_away_too_late_would_be_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Key, "settle", lambda self, store, mine: mine)
        with pytest.raises(AssertionError):
            self.test_it_does_whatever_fails_meanwhile(accepted_before())

    @pytest.mark.slow
    @pytest.mark.parametrize("prepare", [MemoryStore, accepted_before()], ids=["new", "known"])
    def test_it_does_whatever_fails_meanwhile(self, prepare: Callable[[], Store]) -> None:
        acts = [asks(idempotency_key="k"), fails, asks(idempotency_key="k")]
        for run, store in runs(prepare, acts, preemptions=2):
            ids = {answer.operation.id for answer in answers(run)} | {asks(idempotency_key="k")(store).operation.id}
            assert len(ids) == 1, run.turns


class TestOpening:
    """Commands that open: their requests differ, and only one may be open."""

    OPENING = replace(COMMAND, unique={"open": "physician"}, opens=True)

    def opens(self, key: str | None) -> Act:
        def open(store: Store) -> Accepted | None:
            clock = FakeClock()
            command = replace(self.OPENING, request={"patient": key}, idempotency_key=key)
            try:
                return accept(store, EmbeddedBroker(store, clock), clock, command)
            except AlreadyOpen:
                return None

        return open

    @pytest.mark.parametrize("keys", [("k", "l"), ("k", "k"), (None, "k"), (None, None)])
    def test_one_is_open_and_the_others_come_later(self, keys: tuple[str | None, str | None]) -> None:
        for run, store in runs(MemoryStore, [self.opens(key) for key in keys], preemptions=2, deaths=1):
            opened = [answer.operation for answer in answers(run)]
            assert len({operation.id for operation in opened}) <= 1, run.turns
            assert all(operation.request["patient"] in keys for operation in opened)
            for key in {key for key in keys if key is not None}:
                mine = self.opens(key)(store)
                if mine is None:
                    (open,) = (operation for operation in operations(store) if operation.status is Status.OPEN)
                    clock = FakeClock()
                    close(store, EmbeddedBroker(store, clock), clock, open, open.request)
                    mine = self.opens(key)(store)
                assert mine is not None, run.turns
                assert mine.operation.request["patient"] == key, run.turns


def registers(id: str, username: str | None = "awa", msisdn: str | None = None) -> Act:
    def register(store: Store) -> str | None:
        tried = iter([id, id[:-1] + "a", id[:-1] + "b", id[:-1] + "c", id[:-1] + "d"])
        try:
            return (
                People(store, FakeClock())
                .register(username, None, msisdn, phone_proven=True, ids=lambda: next(tried))
                .id
            )
        except NameTaken:
            return None

    return register


def two_people() -> Store:
    store = MemoryStore()
    registers(FIRST_PERSON, "awa")(store)
    registers(SECOND_PERSON, "kofi")(store)
    return store


def one_with_a_phone() -> Store:
    store = two_people()
    People(store, FakeClock()).prove_phone(FIRST_PERSON, PHONE)
    return store


def proves_phone(id: str) -> Act:
    def prove_phone(store: Store) -> None:
        with suppress(NameTaken):
            People(store, FakeClock()).prove_phone(id, PHONE)

    return prove_phone


def names_phone(id: str) -> Act:
    """Says that the phone is theirs, which keeps nobody from it."""
    return lambda store: People(store, FakeClock()).set_phone(id, PHONE)


def takes_phone(id: str) -> Act:
    return lambda store: People(store, FakeClock()).take_phone(id)


def assert_names_are_unique(prepare: Callable[[], Store], acts: Sequence[Act], **bounds: int) -> None:
    for run, store in runs(prepare, acts, **bounds):
        answers(run)
        people = People(store, FakeClock())
        stored = [person for person in scan(store, PEOPLE, {}) if "void" not in person]
        names = {(field, person["id"]): person[field] for field in ("username", "msisdn") for person in stored}
        for (_, id), name in names.items():
            if name is not None:
                assert list(names.values()).count(name) == 1, run.turns
                assert getattr(people.find(name, "CI"), "id", None) == id, run.turns


def owners_of_the_phone(store: Store) -> set[str]:
    found = People(store, FakeClock()).of_phone(PHONE)
    named = [person for person in scan(store, PEOPLE, {}) if person.get("msisdn") == PHONE]
    proven = {person["id"] for person in named if person["phone_proven_at"]}
    assert proven == ({found.id} if found else set())
    return proven


class TestNames:
    def test_a_username_is_one_persons_and_is_free_when_its_owner_died(self) -> None:
        acts = [registers(FIRST_PERSON, msisdn=PHONE), registers(SECOND_PERSON, msisdn=PHONE)]
        assert_names_are_unique(MemoryStore, acts, preemptions=2)
        for _, store in runs(MemoryStore, acts[:1], preemptions=0, deaths=1):
            registers(SECOND_PERSON)(store)
            assert People(store, FakeClock()).find("awa", "CI") is not None

    def test_of_those_who_share_the_phone_alone_one_gets_both_names(self) -> None:
        acts = [registers(FIRST_PERSON, "awa", PHONE), registers(SECOND_PERSON, "kofi", PHONE)]
        assert_names_are_unique(MemoryStore, acts, preemptions=2, deaths=1)

    def test_a_phone_that_two_people_set_is_one_persons(self) -> None:
        assert_names_are_unique(two_people, [proves_phone(FIRST_PERSON), proves_phone(SECOND_PERSON)], preemptions=3)

    def test_who_names_a_phone_keeps_nobody_from_proving_it(self) -> None:
        acts = [proves_phone(FIRST_PERSON), names_phone(SECOND_PERSON)]
        for run, store in runs(two_people, acts, preemptions=3):
            answers(run)
            assert owners_of_the_phone(store) == {FIRST_PERSON}, run.turns
        for run, store in runs(two_people, [names_phone(FIRST_PERSON), names_phone(SECOND_PERSON)], preemptions=3):
            answers(run)
            assert owners_of_the_phone(store) == set(), run.turns

    def test_a_phone_that_is_taken_away_and_set_at_once_is_one_persons(self) -> None:
        acts = [takes_phone(FIRST_PERSON), proves_phone(SECOND_PERSON), proves_phone(FIRST_PERSON)]
        assert_names_are_unique(one_with_a_phone, acts, preemptions=2)
        assert_names_are_unique(one_with_a_phone, acts[:2], preemptions=1, deaths=1)

    @pytest.mark.parametrize(
        "mistake",
        [
            lambda _, field, holder, name: True,
            lambda self, field, holder, name: (self._store.get(PEOPLE, holder) or {}).get(field) != name,
        ],
        ids=["believes nobody", "fences nobody"],
    )
    def test_a_mistake_in_the_take_over_would_be_noticed(self, mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Names, "_has_lost", mistake)
        with pytest.raises(AssertionError):
            assert_names_are_unique(
                two_people, [proves_phone(FIRST_PERSON), proves_phone(SECOND_PERSON)], preemptions=3
            )


def test_a_claim_that_were_deleted_would_be_overwritten() -> None:
    """Why a claim that is given back stays: a paused writer must not find version 1 again."""

    def claims(store: Store) -> Claims:
        return Claims(store, "claims", lambda *_: False)

    def held() -> Store:
        store = MemoryStore()
        claims(store).take("a", "one")
        return store

    def deletes(store: Store) -> None:
        found = store.get("claims", "a")
        if found is not None and found["holder"] == "one":
            with suppress(Conflict):
                store.delete("claims", "a", found["version"])

    def wrongly_lost(gives_back: Act) -> int:
        acts = [gives_back, gives_back, lambda store: claims(store).take("a", "two")]
        return sum(
            run.results[2] is None and claims(store).holder("a") != "two"
            for run, store in runs(held, acts, preemptions=2)
        )

    assert wrongly_lost(deletes) > 0
    assert wrongly_lost(lambda store: claims(store).release("a", "one")) == 0
