"""What every broker adapter promises."""

import threading
import time

import pytest

from tests.broker.kits import Kit, Work

RABBITMQ = pytest.param("rabbit_kit", id="rabbitmq", marks=pytest.mark.xdist_group("rabbitmq"))


@pytest.fixture(params=[pytest.param("embedded_kit", id="embedded"), RABBITMQ])
def kit(request: pytest.FixtureRequest) -> Kit:
    kit: Kit = request.getfixturevalue(request.param)
    return kit


def test_a_ring_reaches_a_handler_of_its_kind_only(kit: Kit) -> None:
    fines, events = Work(kit), Work(kit)
    broker = kit.broker()
    broker.consume(["fine"], fines, 2)
    broker.consume(["event"], events, 2)

    kit.ring("fine", "f1")
    kit.ring("event", "e1")
    kit.ring("fine", "f2")

    fines.wait_ended("f1", "f2")
    events.wait_ended("e1")
    assert (set(fines.begun), set(events.begun)) == ({"f1", "f2"}, {"e1"})


def test_a_ring_waits_for_the_first_consumer_there_ever_is(kit: Kit) -> None:
    kit.ring("fine", "early")

    work = Work(kit)
    kit.broker().consume(["fine"], work, 1)

    work.wait_ended("early")
    assert set(work.begun) == {"early"}


def test_one_consumer_serves_several_kinds_within_one_bound(kit: Kit) -> None:
    work = Work(kit, open=False)
    kit.broker().consume(["fine", "event"], work, 3)
    fines, events = [f"f{n}" for n in range(6)], [f"e{n}" for n in range(6)]

    for id in fines:
        kit.ring("fine", id)
    work.wait_some_begun(3)
    for id in events:
        kit.ring("event", id)
    work.gate.set()

    work.wait_ended(*fines, *events)
    assert work.peak <= 3


def test_handlers_run_side_by_side_up_to_the_bound(kit: Kit) -> None:
    work = Work(kit, open=False)
    kit.broker().consume(["fine"], work, 3)
    ids = [f"f{n}" for n in range(8)]

    for id in ids:
        kit.ring("fine", id)
    work.wait_some_begun(3)
    work.gate.set()

    work.wait_ended(*ids)
    assert work.peak == 3


def test_a_thousand_handlers_at_once(kit: Kit) -> None:
    work = Work(kit, open=False)
    kit.broker().consume(["fine"], work, 1_000)
    ids = [f"f{n}" for n in range(1_000)]

    for id in ids:
        kit.ring("fine", id)

    work.wait_begun(*ids)
    work.gate.set()
    work.wait_ended(*ids)
    assert work.peak == 1_000


def test_an_id_is_never_handled_twice_at_once(kit: Kit) -> None:
    work = Work(kit, open=False)
    kit.broker().consume(["fine"], work, 10)

    for _ in range(5):
        kit.ring("fine", "same")
    work.wait_begun("same")
    kit.ring("fine", "after")
    work.wait_begun("after")

    assert work.begun.count("same") == 1
    work.gate.set()
    work.wait_ended("same", "after")


def test_a_handler_that_raises_stops_nobody(kit: Kit) -> None:
    work = Work(kit)
    work.raising = {"bad"}
    kit.broker().consume(["fine"], work, 1)

    kit.ring("fine", "bad")
    kit.ring("fine", "good")

    work.wait_ended("bad", "good")
    assert {"bad", "good"} == set(work.begun)


def test_stop_returns_at_once_what_was_not_begun(kit: Kit) -> None:
    stopping, other = Work(kit, settle_first=True, open=False), Work(kit, settle_first=True)
    subscription = kit.broker().consume(["fine", "event"], stopping, 1)
    kit.ring("fine", "running")
    stopping.wait_begun("running")
    kit.ring("fine", "next")
    kit.ring("event", "at hand")

    ended: list[bool] = []
    stop = threading.Thread(target=lambda: ended.append(subscription.stop(20)))
    stop.start()
    kit.broker().consume(["fine", "event"], other, 1)

    other.wait_ended("next", "at hand")
    assert stopping.ended == []
    stopping.gate.set()
    stop.join()
    assert ended == [True]
    assert (set(stopping.ended), set(other.begun)) == ({"running"}, {"at hand", "next"})


def test_after_stop_no_handler_begins(kit: Kit) -> None:
    stopped, other = Work(kit), Work(kit)
    broker = kit.broker()
    subscription = broker.consume(["fine"], stopped, 2)
    kit.ring("fine", "before")
    stopped.wait_ended("before")

    assert subscription.stop(5)
    kit.ring("fine", "after")
    broker.consume(["fine"], other, 2)

    other.wait_ended("after")
    assert (set(stopped.begun), set(other.begun)) == ({"before"}, {"after"})


def test_stop_reports_a_handler_that_still_runs(kit: Kit) -> None:
    work = Work(kit, open=False)
    subscription = kit.broker().consume(["fine"], work, 1)
    kit.ring("fine", "slow")
    work.wait_begun("slow")

    assert not subscription.stop(0)
    work.gate.set()
    work.wait_ended("slow")
    assert subscription.stop(5)


def test_a_ring_never_raises_nor_blocks(kit: Kit) -> None:
    broker = kit.broker()

    began_s = time.monotonic()
    for n in range(20_000):
        broker.ring("fine", str(n))
    broker.close()
    broker.ring("fine", "after the end")

    assert time.monotonic() - began_s < 10
