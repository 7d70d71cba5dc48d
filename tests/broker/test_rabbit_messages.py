"""What becomes of messages with one ring or several: handled, dead, given back, or split."""

import pytest

from core.broker.rabbitmq.dead import count, requeue
from core.broker.rabbitmq.publisher import MAX_RINGS_PER_MESSAGE
from core.errors import BrokerUnavailable, StoreUnavailable
from tests.broker.kits import RabbitKit, Work, eventually

pytestmark = pytest.mark.xdist_group("rabbitmq")

NOBODY = "amqp://guest:guest@127.0.0.1:1/%2F"


def test_a_ring_whose_handler_raised_is_a_dead_letter(rabbit_kit: RabbitKit) -> None:
    work = Work(rabbit_kit)
    work.raising = {"bad"}
    subscription = rabbit_kit.broker().consume(["fine"], work, 1)

    rabbit_kit.ring("fine", "bad")
    rabbit_kit.ring("fine", "good")
    work.wait_ended("bad", "good")
    assert subscription.stop(5)

    eventually(lambda: rabbit_kit.queues.waiting(rabbit_kit.topology.dead) == 1)
    dead = rabbit_kit.queues.take(rabbit_kit.topology.dead)
    assert dead is not None
    properties, body = dead
    assert body == b"bad"
    assert (properties.headers or {})["x-first-death-queue"] == rabbit_kit.topology.queue("fine")
    assert work.begun == ["bad", "good"]


def test_a_ring_whose_handler_found_no_store_is_no_dead_letter(rabbit_kit: RabbitKit) -> None:
    """The operation's due time brings it back; dead letters are for what fails whenever it is tried."""
    work = Work(rabbit_kit)
    work.raising, work.raises = {"healthy"}, StoreUnavailable
    subscription = rabbit_kit.broker().consume(["fine"], work, 1)

    rabbit_kit.ring("fine", "healthy")
    rabbit_kit.ring("fine", "next")
    work.wait_ended("healthy", "next")
    assert subscription.stop(5)

    assert work.begun == ["healthy", "next"]
    assert rabbit_kit.waiting("fine") == 0
    assert rabbit_kit.queues.waiting(rabbit_kit.topology.dead) == 0


def test_dead_letters_can_be_rung_again(rabbit_kit: RabbitKit) -> None:
    # Given two rings whose handler raised
    work = Work(rabbit_kit)
    work.raising = {"one", "two"}
    first = rabbit_kit.broker().consume(["fine"], work, 1)
    rabbit_kit.ring("fine", "one")
    rabbit_kit.ring("fine", "two")
    work.wait_ended("one", "two")
    assert first.stop(5)
    eventually(lambda: rabbit_kit.queues.waiting(rabbit_kit.topology.dead) == 2)
    assert count(rabbit_kit.url, rabbit_kit.topology.name)[rabbit_kit.topology.dead] == 2
    # If they are rung again once the cause is mended
    assert requeue(rabbit_kit.url, rabbit_kit.topology.name) == ["one", "two"]
    mended = Work(rabbit_kit)
    second = rabbit_kit.broker().consume(["fine"], mended, 1)
    # I expect that they are handled, and that nothing is dead any more
    mended.wait_ended("one", "two")
    assert second.stop(5)
    assert rabbit_kit.queues.waiting(rabbit_kit.topology.dead) == 0
    assert requeue(rabbit_kit.url, rabbit_kit.topology.name) == []
    assert count(rabbit_kit.url, rabbit_kit.topology.name)[rabbit_kit.topology.dead] == 0


def test_rings_that_come_fast_share_messages(rabbit_kit: RabbitKit) -> None:
    # Given many rings of two kinds at once, and nobody who consumes them
    broker = rabbit_kit.broker()
    eventually(broker.connected)
    for number in range(100):
        broker.ring("fine", f"f{number}")
        broker.ring("event", f"e{number}")
    eventually(lambda: broker.counts.get("confirmed") == 200)

    # I expect far fewer messages than rings, with no more than a few rings each
    messages = rabbit_kit.waiting("fine") + rabbit_kit.waiting("event")
    assert 200 / MAX_RINGS_PER_MESSAGE <= messages <= 100

    # If a worker comes, it hears each of them
    work = Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine", "event"], work, 5)
    work.wait_ended(*(f"{kind}{number}" for kind in "fe" for number in range(100)))


def test_of_the_rings_of_one_message_only_those_that_raised_are_dead(rabbit_kit: RabbitKit) -> None:
    # Given a message with three rings, two of which no handler can do anything about
    rabbit_kit.ring("fine", "first")
    eventually(lambda: rabbit_kit.queues.exists(rabbit_kit.topology.queue("fine")))
    rabbit_kit.queues.publish(rabbit_kit.topology.queue("fine"), "bad\ngood\nworse")
    work = Work(rabbit_kit)
    work.raising = {"bad", "worse"}

    # If they are handled
    subscription = rabbit_kit.broker().consume(["fine"], work, 2)
    work.wait_ended("first", "bad", "good", "worse")
    eventually(lambda: rabbit_kit.queues.waiting(rabbit_kit.topology.dead) == 2)
    assert subscription.stop(5)

    # I expect two dead letters, and that they can be rung again
    assert rabbit_kit.waiting("fine") == 0
    assert sorted(requeue(rabbit_kit.url, rabbit_kit.topology.name)) == ["bad", "worse"]
    assert rabbit_kit.waiting("fine") == 2


def test_a_message_is_given_back_as_long_as_one_of_its_rings_has_not_begun(rabbit_kit: RabbitKit) -> None:
    # Given a worker with one thread that holds the first of two rings of a message
    rabbit_kit.ring("fine", "ready")
    held = Work(rabbit_kit, open=False)
    subscription = rabbit_kit.broker().consume(["fine"], held, 1)
    held.gate.set()
    held.wait_ended("ready")
    held.gate.clear()
    rabbit_kit.queues.publish(rabbit_kit.topology.queue("fine"), "one\ntwo")
    held.wait_begun("one")

    # If it stops, another worker hears both
    assert not subscription.stop(0)
    other = Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine"], other, 1)
    other.wait_ended("one", "two")
    held.gate.set()


def test_a_message_that_comes_again_is_split_into_its_rings(rabbit_kit: RabbitKit) -> None:
    # Given a message with two rings, whose worker has died
    queue = rabbit_kit.topology.queue("fine")
    rabbit_kit.ring("fine", "first")
    eventually(lambda: rabbit_kit.queues.exists(queue) and rabbit_kit.waiting("fine") == 1)
    rabbit_kit.queues.purge(queue)
    rabbit_kit.queues.publish(queue, "one\ntwo")
    rabbit_kit.queues.give_back(queue)

    # If a worker takes one message at a time, and is busy with it
    work = Work(rabbit_kit, open=False)
    rabbit_kit.broker().consume(["fine"], work, 1)
    work.wait_some_begun(1)

    # I expect the other ring to wait in the queue, for another worker
    eventually(lambda: rabbit_kit.waiting("fine") == 1)
    work.gate.set()
    work.wait_ended("one", "two")
    assert sorted(work.begun) == ["one", "two"]


def test_where_no_worker_ever_was_nothing_is_dead(rabbit_kit: RabbitKit) -> None:
    assert requeue(rabbit_kit.url, "never-used") == []


def test_an_unreachable_broker_is_reported() -> None:
    with pytest.raises(BrokerUnavailable):
        requeue("amqp://127.0.0.1:1")
