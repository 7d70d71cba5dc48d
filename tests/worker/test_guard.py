"""The guard of a partner: when the circuit opens, who looks whether it can close, and how many calls are let in."""

from datetime import datetime, timedelta

import pytest
from doubles import START, FakeClock

from core.outages import Outages
from core.store.port import Store
from worker.partners.guard import (
    AGAIN_EVERY_S,
    FAILING_S,
    FAILURES,
    LEAST_WAIT_S,
    LONGEST_OPEN_S,
    OPEN_S,
    Guard,
    PutOff,
)
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

UNKNOWN = Unknown("HTTP 504")


def call(guard: Guard, clock: FakeClock, reply: Reply | None, took_s: float = 0) -> None:
    began = clock.now()
    assert guard.enter() is None
    clock.tick(took_s)
    guard.leave(reply, began)


@pytest.fixture
def told() -> list[datetime | None]:
    return []


@pytest.fixture
def guard(clock: FakeClock, told: list[datetime | None]) -> Guard:
    return Guard("operator", clock, 3, lambda _, until: told.append(until))


def break_down(guard: Guard, clock: FakeClock, reply: Reply = UNKNOWN) -> None:
    for _ in range(FAILURES):
        call(guard, clock, reply, took_s=FAILING_S / (FAILURES - 1))


@pytest.mark.parametrize("reply", [UNKNOWN, Unavailable("no connection"), Unavailable("HTTP 503", 60)])
def test_calls_that_fail_for_some_time_open_the_circuit(
    guard: Guard, clock: FakeClock, told: list[datetime | None], reply: Reply
) -> None:
    break_down(guard, clock, reply)
    wait = guard.enter()
    assert wait is not None
    assert wait.down
    assert OPEN_S <= wait.wait_s <= OPEN_S + 2 * AGAIN_EVERY_S
    assert told == [clock.now() + timedelta(seconds=OPEN_S)]


def test_a_burst_at_one_moment_does_not_open_it(guard: Guard, clock: FakeClock) -> None:
    for _ in range(20 * FAILURES):
        call(guard, clock, UNKNOWN)
    assert guard.enter() is None


def test_a_few_failures_over_a_long_time_do_not_open_it(guard: Guard, clock: FakeClock) -> None:
    for _ in range(FAILURES - 1):
        call(guard, clock, UNKNOWN, took_s=60)
    assert guard.enter() is None


@pytest.mark.parametrize("reply", [Confirmed(), Declined("no"), Pending(), NotFound()])
def test_any_usable_answer_begins_the_count_anew(guard: Guard, clock: FakeClock, reply: Reply) -> None:
    for _ in range(4):
        for _ in range(FAILURES - 1):
            call(guard, clock, UNKNOWN, took_s=FAILING_S)
        call(guard, clock, reply)
    assert guard.enter() is None


def test_silence_counts_from_when_it_began(clock: FakeClock) -> None:
    guard = Guard("operator", clock, FAILURES)
    assert [guard.enter() for _ in range(FAILURES)] == [None] * FAILURES
    clock.tick(15)
    for _ in range(FAILURES):
        guard.leave(Unknown("no answer in time"), START)
    wait = guard.enter()
    assert wait is not None
    assert wait.down


def test_silence_does_not_count_from_before_another_answer(clock: FakeClock) -> None:
    guard = Guard("operator", clock, 2 * FAILURES)
    for _ in range(FAILURES):
        guard.enter()
    clock.tick(15)
    call(guard, clock, Confirmed())
    for _ in range(FAILURES):
        guard.leave(Unknown("no answer in time"), START)
    assert guard.enter() is None


def test_one_call_looks_and_closes_it(guard: Guard, clock: FakeClock, told: list[datetime | None]) -> None:
    break_down(guard, clock)
    clock.tick(OPEN_S)
    assert guard.enter() is None
    others = guard.enter()
    assert others is not None
    assert others.down
    guard.leave(Confirmed(), clock.now())
    assert guard.enter() is None
    assert told[-1] is None


def test_a_look_that_fails_doubles_the_time_up_to_a_minute(guard: Guard, clock: FakeClock) -> None:
    break_down(guard, clock)
    waits_s = []
    for _ in range(6):
        assert guard.open_until is not None
        waits_s.append((guard.open_until - clock.now()).total_seconds())
        clock.tick(waits_s[-1])
        call(guard, clock, UNKNOWN)
    assert waits_s == [OPEN_S, 2 * OPEN_S, 4 * OPEN_S, 8 * OPEN_S, LONGEST_OPEN_S, LONGEST_OPEN_S]
    clock.tick(LONGEST_OPEN_S)
    call(guard, clock, Confirmed())
    break_down(guard, clock)
    assert guard.open_until == clock.now() + timedelta(seconds=OPEN_S)


def test_a_look_that_was_not_made_leaves_it_to_the_next(guard: Guard, clock: FakeClock) -> None:
    break_down(guard, clock)
    clock.tick(OPEN_S)
    call(guard, clock, None)
    call(guard, clock, Confirmed())
    assert guard.open_until is None


def test_a_late_answer_to_an_earlier_call_closes_it_too(guard: Guard, clock: FakeClock) -> None:
    began = clock.now()
    guard.enter()
    break_down(guard, clock)
    guard.leave(Confirmed(), began)
    assert guard.enter() is None


def test_only_so_many_calls_are_in_flight(guard: Guard, clock: FakeClock) -> None:
    assert [guard.enter() for _ in range(3)] == [None] * 3
    wait = guard.enter()
    assert wait is not None
    assert not wait.down
    guard.leave(UNKNOWN, clock.now())
    assert guard.enter() is None


@pytest.mark.parametrize(("call_s", "every_s"), [(0.03, 0.01), (0, LEAST_WAIT_S), (15, AGAIN_EVERY_S)])
def test_what_was_put_off_comes_back_one_by_one_as_fast_as_calls_end(
    guard: Guard, clock: FakeClock, call_s: float, every_s: float
) -> None:
    for _ in range(100):
        call(guard, clock, Confirmed(), took_s=call_s)
    assert [guard.enter() for _ in range(3)] == [None] * 3
    waits = [guard.enter() for _ in range(3)]
    assert waits == [PutOff(pytest.approx(every_s * turn, rel=1e-3), down=False) for turn in (1, 2, 3)]


def test_what_comes_after_an_outage_does_not_wait_behind_what_was_put_off_in_it(guard: Guard, clock: FakeClock) -> None:
    break_down(guard, clock)
    for _ in range(1000):
        guard.enter()
    clock.tick(OPEN_S)
    call(guard, clock, Confirmed())
    assert [guard.enter() for _ in range(3)] == [None] * 3
    wait = guard.enter()
    assert wait is not None
    assert wait.wait_s <= AGAIN_EVERY_S


def test_news_that_cannot_be_told_lose_no_place(clock: FakeClock) -> None:
    def broken(name: str, until: datetime | None) -> None:
        raise RuntimeError(name)

    guard = Guard("operator", clock, 1, broken)
    break_down(guard, clock)
    assert guard.in_flight == 0
    assert guard.open_until is not None


def test_what_a_guard_finds_out_is_told_to_everybody(store: Store, clock: FakeClock) -> None:
    outages = Outages(store, clock)
    guard = Guard("operator", clock, 3, outages.tell)
    break_down(guard, clock)
    assert outages.all() == {"operator": True}
    clock.tick(OPEN_S)
    call(guard, clock, Confirmed())
    assert outages.all() == {"operator": False}
