"""The same request again so soon after is the same operation, without a key; and what a key answers beforehand."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.accept import Accepted, Command, accept, find_replay
from core.broker.embedded import EmbeddedBroker
from core.errors import IdempotencyKeyReused, StoreUnavailable
from core.operation import Status
from core.store.port import Store
from tests.doubles import CutOff, FakeClock, lent_sql
from tests.store.samples import at_once

COMMAND = Command("test", {"amount": 1, "price": 5}, "awa", payload={"amount": 1}, repeatable=True, same_within_s=10)


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def ask(store: Store, clock: FakeClock, **changes: Any) -> Accepted:
    return accept(store, EmbeddedBroker(store, clock), clock, replace(COMMAND, **changes))


def count(store: Store, collection: str = "operations") -> int:
    return len(store.find(collection, {}, limit=1000))


def test_within_the_time_it_is_the_same(store: Store, clock: FakeClock) -> None:
    first = ask(store, clock)
    clock.tick(9.999)
    again = ask(store, clock)

    assert (again.operation.id, again.replayed) == (first.operation.id, True)
    assert count(store) == 1


def test_afterwards_it_is_another_with_a_time_of_its_own(store: Store, clock: FakeClock) -> None:
    first = ask(store, clock)
    clock.tick(10)
    second = ask(store, clock)
    clock.tick(9.999)

    assert not second.replayed
    assert second.operation.id != first.operation.id
    assert ask(store, clock).operation.id == second.operation.id
    assert count(store, "idempotency_keys") == 1


def test_it_is_the_same_however_it_ended(store: Store, clock: FakeClock) -> None:
    first = ask(store, clock).operation
    failed = first.moved(Status.PROCESSING, clock.now()).moved(Status.FAILED, clock.now())
    store.replace("operations", failed.to_document())

    again = ask(store, clock)
    assert (again.operation.id, again.operation.status) == (first.id, Status.FAILED)


def test_only_an_equal_request_is_the_same(store: Store, clock: FakeClock) -> None:
    first = ask(store, clock)

    assert ask(store, clock, request={"amount": 1, "price": 6}).operation == first.operation
    assert not ask(store, clock, payload={"amount": 2}).replayed
    assert not ask(store, clock, client="kofi").replayed
    assert not ask(store, clock, kind="other").replayed


def test_with_a_key_it_is_the_key_that_counts(store: Store, clock: FakeClock) -> None:
    ids = {ask(store, clock, idempotency_key=key).operation.id for key in (None, "k", "l")}
    assert len(ids) == 3

    clock.tick(86400)
    assert ask(store, clock, idempotency_key="k").operation.id in ids


def test_no_key_that_a_client_may_send_is_the_request_itself(store: Store, clock: FakeClock) -> None:
    # Given the document of a request without a key
    ask(store, clock)
    [document] = store.find("idempotency_keys", {})

    # I expect its print, sent as a key, to be another key
    assert not ask(store, clock, idempotency_key=document["fingerprint"]).replayed


def test_without_the_time_and_a_key_each_is_another(store: Store, clock: FakeClock) -> None:
    assert not ask(store, clock, same_within_s=None).replayed
    assert not ask(store, clock, same_within_s=None).replayed
    assert count(store, "idempotency_keys") == 0


@pytest.mark.parametrize("before", ["nothing", "one that is over"])
def test_many_at_once_are_one(store: Store, clock: FakeClock, before: str) -> None:
    # Given nothing, or a first one that is over at this very moment
    if before != "nothing":
        ask(store, clock)
        clock.tick(10)
    already = count(store)

    results = at_once(lambda _: ask(store, clock))

    assert len({result.operation.id for result in results}) == 1
    assert [result.replayed for result in results].count(False) == 1
    assert count(store) == already + 1


def test_two_of_whom_one_was_cut_off_are_one(store: Store, clock: FakeClock) -> None:
    # Given a request that died after its key and before its operation was stored
    with pytest.raises(StoreUnavailable):
        ask(CutOff(store, 1), clock)
    assert (count(store, "idempotency_keys"), count(store)) == (1, 0)

    first, second = ask(store, clock), ask(store, clock)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.operation.id == second.operation.id


@pytest.mark.parametrize("key", [None, "k"])
def test_an_earlier_request_is_found_and_nothing_is_stored(store: Store, clock: FakeClock, key: str | None) -> None:
    command = replace(COMMAND, idempotency_key=key)
    assert find_replay(store, clock, command) is None
    assert (count(store), count(store, "idempotency_keys")) == (0, 0)

    first = ask(store, clock, idempotency_key=key)

    found = find_replay(store, clock, command)
    assert found is not None
    assert found.replayed
    assert found.operation == first.operation
    clock.tick(10)
    assert (find_replay(store, clock, command) is None) is (key is None)


def test_without_a_time_or_a_key_no_earlier_request_is_found(store: Store, clock: FakeClock) -> None:
    command = replace(COMMAND, same_within_s=None)
    ask(store, clock, same_within_s=None)

    assert find_replay(store, clock, command) is None


def test_a_key_of_another_request_is_refused_beforehand(store: Store, clock: FakeClock) -> None:
    ask(store, clock, idempotency_key="k")

    for other in ({"payload": {"amount": 2}}, {"kind": "other"}):
        with pytest.raises(IdempotencyKeyReused):
            find_replay(store, clock, replace(COMMAND, idempotency_key="k", **other))
    assert find_replay(store, clock, replace(COMMAND, idempotency_key="k", client="kofi")) is None


def test_a_key_whose_operation_was_never_stored_finds_nothing(store: Store, clock: FakeClock) -> None:
    with pytest.raises(StoreUnavailable):
        ask(CutOff(store, 1), clock, idempotency_key="k")
    assert count(store, "idempotency_keys") == 1

    assert find_replay(store, clock, replace(COMMAND, idempotency_key="k")) is None
