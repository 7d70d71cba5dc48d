"""Lockout: so many may fail in a row, counted before the outcome is clear."""

import json
from collections.abc import Iterator

import pytest

from core.errors import Conflict, StoreUnavailable, TooManyAttempts
from core.identity.lockout import MAX_RACES, Lockout
from core.store.port import Document, Store
from tests.doubles import CutOff, FakeClock, lent_sql
from tests.store.samples import at_once

MOST, REST_S = 3, 60


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def attempts(store: Store, clock: FakeClock) -> Lockout:
    return Lockout(store, clock, "sign-in", MOST, REST_S)


def fail(attempts: Lockout, times: int = MOST, name: str = "awa") -> None:
    for _ in range(times):
        attempts.begin(name)


def test_so_many_may_fail_and_no_more(attempts: Lockout) -> None:
    fail(attempts)

    with pytest.raises(TooManyAttempts) as refused:
        attempts.begin("awa")
    assert refused.value.retry_after_s == REST_S + 1


def test_the_rest_is_from_the_last_that_was_counted(attempts: Lockout, clock: FakeClock) -> None:
    fail(attempts, MOST - 1)
    clock.tick(REST_S - 1)
    fail(attempts, 1)

    # Refused ones change nothing
    clock.tick(REST_S - 0.1)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.begin("awa")
    assert refused.value.retry_after_s == 1

    clock.tick(0.1)
    fail(attempts, MOST)
    with pytest.raises(TooManyAttempts):
        attempts.begin("awa")


def test_success_forgets_what_failed(attempts: Lockout) -> None:
    for _ in range(3):
        fail(attempts)
        attempts.succeeded("awa")

    assert not attempts.exhausted("awa")
    fail(attempts)


def test_a_success_without_earlier_failures_is_fine(attempts: Lockout, store: Store) -> None:
    attempts.succeeded("awa")

    assert store.find("attempts", {}) == []


def test_names_and_purposes_are_counted_apart(attempts: Lockout, store: Store, clock: FakeClock) -> None:
    fail(attempts)

    fail(attempts, name="kofi")
    fail(Lockout(store, clock, "another", MOST, REST_S))
    with pytest.raises(TooManyAttempts):
        attempts.begin("awa")


def test_all_processes_count_together(attempts: Lockout, store: Store, clock: FakeClock) -> None:
    fail(attempts)

    with pytest.raises(TooManyAttempts):
        Lockout(store, clock, "sign-in", MOST, REST_S).begin("awa")


def test_of_many_at_once_no_more_are_let_through(store: Store, clock: FakeClock) -> None:
    attempts = Lockout(store, clock, "sign-in", 5, REST_S)

    def begin(number: int) -> bool:
        try:
            attempts.begin("awa")
        except TooManyAttempts:
            return False
        return True

    assert sum(at_once(begin, 16)) == 5


def test_where_there_is_no_turn_to_be_had_it_is_refused(clock: FakeClock) -> None:
    class Contended:
        """A store in which somebody else is always faster."""

        looks = 0

        def get(self, collection: str, id: str) -> Document:
            self.looks += 1
            return {"id": id, "failed": 0, "since": "2026-01-01T12:00:00.000000Z", "version": 1}

        def replace(self, collection: str, document: Document) -> Document:
            raise Conflict

    store = Contended()

    with pytest.raises(TooManyAttempts):
        Lockout(store, clock, "sign-in", MOST, REST_S).begin("awa")  # type: ignore[arg-type]
    assert store.looks == MAX_RACES


def test_names_are_not_kept(attempts: Lockout, store: Store) -> None:
    fail(attempts, name="10.1.2.3")

    assert "10.1.2.3" not in json.dumps(store.find("attempts", {}))


@pytest.mark.parametrize("verbs", [0, 1])
def test_an_attempt_that_could_not_be_counted_is_reported(store: Store, clock: FakeClock, verbs: int) -> None:
    with pytest.raises(StoreUnavailable):
        Lockout(CutOff(store, verbs), clock, "sign-in", MOST, REST_S).begin("awa")
