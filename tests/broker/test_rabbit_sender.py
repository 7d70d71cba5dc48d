"""Messages published to a real RabbitMQ: confirmed, found by a plain consumer, and refused rather than lost."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from rabbit_control import Queues, close_connections, start_app, stop_app

from core.broker.port import Message
from core.broker.rabbitmq import RabbitBroker
from core.errors import BrokerUnavailable
from ops.rabbit import Rabbit

pytestmark = pytest.mark.xdist_group("rabbitmq")

_numbers = count(1)


@pytest.fixture
def topic() -> tuple[str, str, str]:
    return "tests", "sender", f"number-{next(_numbers)}"


@pytest.fixture
def broker(rabbit: Rabbit) -> Iterator[RabbitBroker]:
    broker = RabbitBroker(rabbit.url)
    yield broker
    broker.close()


def message(topic: tuple[str, ...], id: str = "id-1") -> Message:
    return Message(topic, id, b'{"n": 1}', {"ce-id": "7"})


def test_a_plain_consumer_finds_it_in_the_queue_of_its_topic(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    broker.publish(message(topic))
    taken = Queues(rabbit.url).take("/".join(topic))
    assert taken is not None
    properties, body = taken
    assert body == b'{"n": 1}'
    assert (properties.message_id, properties.delivery_mode, properties.headers) == ("id-1", 2, {"ce-id": "7"})
    assert properties.content_type == "application/json"


def test_many_at_once_are_all_there(rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]) -> None:
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda number: broker.publish(message(topic, f"id-{number}")), range(500)))
    assert Queues(rabbit.url).waiting("/".join(topic)) == 500


def test_a_queue_that_was_deleted_is_told_and_then_made_again(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    queues, queue = Queues(rabbit.url), "/".join(topic)
    broker.publish(message(topic))
    queues.delete(queue)
    with pytest.raises(BrokerUnavailable, match="queue is gone"):
        broker.publish(message(topic))
    broker.publish(message(topic))
    assert queues.waiting(queue) == 1


def test_a_lost_connection_fails_what_was_not_confirmed_and_nothing_after_it(
    private_rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    broker.publish(message(topic))
    confirmed: set[str] = set()
    over = threading.Event()

    def publish(worker: int) -> None:
        for number in count():
            if over.is_set():
                return
            id = f"{worker}-{number}"
            try:
                broker.publish(message(topic, id))
                confirmed.add(id)
            except BrokerUnavailable:
                time.sleep(0.05)

    threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for cut in (close_connections, stop_app, start_app):
        time.sleep(0.5)
        cut(private_rabbit)
    until_published(broker, message(topic, "last"))
    over.set()
    for thread in threads:
        thread.join()
    queues, queue, found = Queues(private_rabbit.url), "/".join(topic), set()
    while taken := queues.take(queue):
        found.add(taken[0].message_id)
    assert len(confirmed) > 100
    assert confirmed <= found


def until_published(broker: RabbitBroker, message: Message) -> None:
    for _ in range(300):
        try:
            return broker.publish(message)
        except BrokerUnavailable:
            time.sleep(0.1)
    raise AssertionError("not published within 30 s")


def test_without_a_server_it_is_told_at_once() -> None:
    broker = RabbitBroker("amqp://guest:guest@127.0.0.1:9/")
    try:
        for _ in range(2):
            with pytest.raises(BrokerUnavailable):
                broker.publish(message(("a", "b", "c")))
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            broker.publish(message(("a", "b", "c")))
        assert time.monotonic() - began < 1
    finally:
        broker.close()
