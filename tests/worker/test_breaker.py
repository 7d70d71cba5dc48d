"""The breaker of a partner: when the circuit opens, who looks whether it can close, and how many calls are let in."""

from datetime import datetime, timedelta

import pytest

from core.partner_health import PartnerHealth
from core.store.port import Store
from tests.doubles import START, FakeClock
from worker.partners.breaker import (
    FAILING_S,
    FAILURES,
    MAX_OPEN_S,
    MAX_SPACING_S,
    MIN_SPACING_S,
    OPEN_S,
    Breaker,
    Deferral,
)
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

UNKNOWN = Unknown("HTTP 504")


def call(breaker: Breaker, clock: FakeClock, reply: Reply | None, took_s: float = 0) -> None:
    began = clock.now()
    assert breaker.try_acquire() is None
    clock.tick(took_s)
    breaker.release(reply, began)


@pytest.fixture
def reported() -> list[datetime | None]:
    return []


@pytest.fixture
def breaker(clock: FakeClock, reported: list[datetime | None]) -> Breaker:
    return Breaker("operator", clock, 3, lambda _, until: reported.append(until))


def break_down(breaker: Breaker, clock: FakeClock, reply: Reply = UNKNOWN) -> None:
    for _ in range(FAILURES):
        call(breaker, clock, reply, took_s=FAILING_S / (FAILURES - 1))


@pytest.mark.parametrize("reply", [UNKNOWN, Unavailable("no connection"), Unavailable("HTTP 503", 60)])
def test_calls_that_fail_for_some_time_open_the_circuit(
    breaker: Breaker, clock: FakeClock, reported: list[datetime | None], reply: Reply
) -> None:
    break_down(breaker, clock, reply)
    wait = breaker.try_acquire()
    assert wait is not None
    assert wait.down
    assert OPEN_S <= wait.wait_s <= OPEN_S + 2 * MAX_SPACING_S
    assert reported == [clock.now() + timedelta(seconds=OPEN_S)]


def test_a_burst_at_one_moment_does_not_open_it(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(20 * FAILURES):
        call(breaker, clock, UNKNOWN)
    assert breaker.try_acquire() is None


def test_a_few_failures_over_a_long_time_do_not_open_it(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(FAILURES - 1):
        call(breaker, clock, UNKNOWN, took_s=60)
    assert breaker.try_acquire() is None


@pytest.mark.parametrize("reply", [Confirmed(), Declined("no"), Pending(), NotFound()])
def test_any_usable_answer_begins_the_count_anew(breaker: Breaker, clock: FakeClock, reply: Reply) -> None:
    for _ in range(4):
        for _ in range(FAILURES - 1):
            call(breaker, clock, UNKNOWN, took_s=FAILING_S)
        call(breaker, clock, reply)
    assert breaker.try_acquire() is None


def test_silence_counts_from_when_it_began(clock: FakeClock) -> None:
    breaker = Breaker("operator", clock, FAILURES)
    assert [breaker.try_acquire() for _ in range(FAILURES)] == [None] * FAILURES
    clock.tick(15)
    for _ in range(FAILURES):
        breaker.release(Unknown("no answer in time"), START)
    wait = breaker.try_acquire()
    assert wait is not None
    assert wait.down


def test_silence_does_not_count_from_before_another_answer(clock: FakeClock) -> None:
    breaker = Breaker("operator", clock, 2 * FAILURES)
    for _ in range(FAILURES):
        breaker.try_acquire()
    clock.tick(15)
    call(breaker, clock, Confirmed())
    for _ in range(FAILURES):
        breaker.release(Unknown("no answer in time"), START)
    assert breaker.try_acquire() is None


def test_one_call_looks_and_closes_it(breaker: Breaker, clock: FakeClock, reported: list[datetime | None]) -> None:
    break_down(breaker, clock)
    clock.tick(OPEN_S)
    assert breaker.try_acquire() is None
    others = breaker.try_acquire()
    assert others is not None
    assert others.down
    breaker.release(Confirmed(), clock.now())
    assert breaker.try_acquire() is None
    assert reported[-1] is None


def test_a_look_that_fails_doubles_the_time_up_to_a_minute(breaker: Breaker, clock: FakeClock) -> None:
    break_down(breaker, clock)
    waits_s = []
    for _ in range(6):
        assert breaker.open_until is not None
        waits_s.append((breaker.open_until - clock.now()).total_seconds())
        clock.tick(waits_s[-1])
        call(breaker, clock, UNKNOWN)
    assert waits_s == [OPEN_S, 2 * OPEN_S, 4 * OPEN_S, 8 * OPEN_S, MAX_OPEN_S, MAX_OPEN_S]
    clock.tick(MAX_OPEN_S)
    call(breaker, clock, Confirmed())
    break_down(breaker, clock)
    assert breaker.open_until == clock.now() + timedelta(seconds=OPEN_S)


def test_a_look_that_was_not_made_leaves_it_to_the_next(breaker: Breaker, clock: FakeClock) -> None:
    break_down(breaker, clock)
    clock.tick(OPEN_S)
    call(breaker, clock, None)
    call(breaker, clock, Confirmed())
    assert breaker.open_until is None


def test_a_late_answer_to_an_earlier_call_closes_it_too(breaker: Breaker, clock: FakeClock) -> None:
    began = clock.now()
    breaker.try_acquire()
    break_down(breaker, clock)
    breaker.release(Confirmed(), began)
    assert breaker.try_acquire() is None


def test_only_so_many_calls_are_in_flight(breaker: Breaker, clock: FakeClock) -> None:
    assert [breaker.try_acquire() for _ in range(3)] == [None] * 3
    wait = breaker.try_acquire()
    assert wait is not None
    assert not wait.down
    breaker.release(UNKNOWN, clock.now())
    assert breaker.try_acquire() is None


@pytest.mark.parametrize(("call_s", "every_s"), [(0.03, 0.01), (0, MIN_SPACING_S), (15, MAX_SPACING_S)])
def test_deferred_calls_come_back_one_by_one_as_fast_as_calls_end(
    breaker: Breaker, clock: FakeClock, call_s: float, every_s: float
) -> None:
    for _ in range(100):
        call(breaker, clock, Confirmed(), took_s=call_s)
    assert [breaker.try_acquire() for _ in range(3)] == [None] * 3
    waits = [breaker.try_acquire() for _ in range(3)]
    assert all(isinstance(wait, Deferral) and not wait.down for wait in waits)
    assert [wait.wait_s for wait in waits if wait] == pytest.approx([every_s * turn for turn in (1, 2, 3)], rel=1e-3)


def test_a_call_after_an_outage_does_not_wait_behind_those_deferred_in_it(breaker: Breaker, clock: FakeClock) -> None:
    break_down(breaker, clock)
    for _ in range(1000):
        breaker.try_acquire()
    clock.tick(OPEN_S)
    call(breaker, clock, Confirmed())
    assert [breaker.try_acquire() for _ in range(3)] == [None] * 3
    wait = breaker.try_acquire()
    assert wait is not None
    assert wait.wait_s <= MAX_SPACING_S


def test_a_report_that_fails_does_not_lose_a_place(clock: FakeClock) -> None:
    def broken(name: str, until: datetime | None) -> None:
        raise RuntimeError(name)

    breaker = Breaker("operator", clock, 1, broken)
    break_down(breaker, clock)
    assert breaker.in_flight == 0
    assert breaker.open_until is not None


def test_what_a_breaker_finds_out_is_reported_to_everybody(store: Store, clock: FakeClock) -> None:
    health = PartnerHealth(store, clock)
    breaker = Breaker("operator", clock, 3, health.report)
    break_down(breaker, clock)
    assert health.all() == {"operator": True}
    clock.tick(OPEN_S)
    call(breaker, clock, Confirmed())
    assert health.all() == {"operator": False}
