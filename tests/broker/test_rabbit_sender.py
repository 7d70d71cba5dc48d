"""Messages published to a real RabbitMQ: confirmed, found by a plain consumer, and refused rather than lost."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, takewhile
from pathlib import Path
from typing import get_args

import pika
import pytest

from core.bootstrap import bootstrap
from core.broker.port import MAX_NAME_BYTES, MAX_ROUTING_KEY_BYTES, EventsTo, Message, routing_key
from core.broker.rabbitmq import RabbitBroker, lane, sender, topology
from core.broker.rabbitmq.addresses import addresses
from core.broker.rabbitmq.lane import Lane
from core.broker.rabbitmq.topology import DEAD_EVENTS, EXCHANGE, EventTopology
from core.errors import BrokerUnavailable
from core.settings import read_settings
from devtools.rabbit import Rabbit
from tests.broker.kits import eventually
from tests.rabbit_control import Queues, close_connections, start_app, stop_app

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


def queue_of(topic: tuple[str, ...], to: EventsTo = "queue") -> str:
    queue = EventTopology(to).queue(topic)
    assert queue is not None
    return queue


def test_a_plain_consumer_finds_it_in_the_queue_of_its_topic(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    broker.publish(message(topic))
    taken = Queues(rabbit.url).take(queue_of(topic))
    assert taken is not None
    properties, body = taken
    assert body == b'{"n": 1}'
    assert (properties.message_id, properties.delivery_mode) == ("id-1", 2)
    assert (properties.headers or {})["ce-id"] == "7"
    assert properties.content_type == "application/json"


def test_capitals_dots_and_accents_keep_topics_and_their_queues_apart(rabbit: Rabbit, broker: RabbitBroker) -> None:
    topics = ("Tests", "v1.2", "Créée"), ("tests", "v1", "2.Créée")
    for number, topic in enumerate(topics):
        broker.publish(message(topic, f"id-{number}"))

    taken = Queues(rabbit.url).take("events.queue.v1.Tests.v1%2E2.Cr%C3%A9%C3%A9e")
    assert taken is not None
    assert taken[0].message_id == "id-0"
    assert Queues(rabbit.url).waiting("events.queue.v1.tests.v1.2%2ECr%C3%A9%C3%A9e") == 1


def test_many_at_once_are_all_there(rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]) -> None:
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda number: broker.publish(message(topic, f"id-{number}")), range(500)))
    assert Queues(rabbit.url).waiting(queue_of(topic)) == 500


def test_a_deleted_queue_is_reported_and_then_declared_again(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    queues, queue = Queues(rabbit.url), queue_of(topic)
    broker.publish(message(topic))
    queues.delete(queue)
    with pytest.raises(BrokerUnavailable, match="no queue takes"):
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
    found = {properties.message_id for properties, _ in Queues(private_rabbit.url).drain(queue_of(topic))}
    assert len(confirmed) > 100
    assert confirmed <= found


def refuse_declarations(rabbit: Rabbit, queue: str) -> None:
    """Somebody else has a queue of this name, with other arguments: declaring it again closes the channel."""
    with pika.BlockingConnection(addresses(rabbit.url)) as connection:
        connection.channel().queue_declare(queue, durable=True)


def test_a_topic_that_the_server_refuses_stops_no_other(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    refused = (*topic, "refused")
    refuse_declarations(rabbit, queue_of(refused))
    over = threading.Event()
    reasons: set[str] = set()

    def publish_refused() -> None:
        while not over.is_set():
            try:
                broker.publish(message(refused))
            except BrokerUnavailable as error:
                reasons.add(str(error))

    thread = threading.Thread(target=publish_refused)
    thread.start()
    eventually(lambda: bool(reasons))
    for number in range(50):  # any of them would raise, were it cut off by the other topic
        broker.publish(message(topic, f"id-{number}"))
    over.set()
    thread.join()

    assert all("PRECONDITION_FAILED" in reason for reason in reasons)
    assert Queues(rabbit.url).waiting(queue_of(topic)) == 50
    Queues(rabbit.url).delete(queue_of(refused))
    broker.publish(message(refused))


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> set[Lane]:
    """Lanes that hear no confirms, as one whose queue has lost most of its replicas."""
    lanes: set[Lane] = set()
    hear = Lane._confirmed
    monkeypatch.setattr(Lane, "_confirmed", lambda self, frame: self in lanes or hear(self, frame))
    return lanes


def lane_of(broker: RabbitBroker, topic: tuple[str, ...]) -> Lane:
    broker.publish(message(topic))
    assert broker._sender is not None
    return broker._sender._lanes[topic]


def test_a_topic_that_is_never_confirmed_stops_no_other(
    broker: RabbitBroker, topic: tuple[str, str, str], deaf: set[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = (*topic, "silent")
    used = lane_of(broker, silent)
    deaf.add(used)
    monkeypatch.setattr(lane, "STALLED_S", 0.0)
    with ThreadPoolExecutor(1) as others:
        waits = others.submit(broker.publish, message(silent))
        eventually(lambda: used.stalled)
        with pytest.raises(BrokerUnavailable, match="nothing of its topic is confirmed"):
            broker.publish(message(silent))
        monkeypatch.setattr(lane, "STALLED_S", 2.0)
        broker.publish(message(topic))
        with pytest.raises(BrokerUnavailable, match="not confirmed within"):
            waits.result()


def test_a_channel_that_is_never_confirmed_is_replaced(
    broker: RabbitBroker, topic: tuple[str, str, str], deaf: set[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ 3.10 has such channels, opened at the moment at which a queue changes its leader."""
    deaf.add(lane_of(broker, topic))
    monkeypatch.setattr(lane, "CONFIRM_S", 0.2)
    with pytest.raises(BrokerUnavailable, match="not confirmed within"):
        broker.publish(message(topic))
    monkeypatch.setattr(lane, "CONFIRM_S", 5.0)
    monkeypatch.setattr(Lane, "worn_out", property(lambda self: self in deaf))
    broker.publish(message(topic))


def test_topics_beyond_the_number_of_lanes_are_all_published(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "MAX_LANES", 3)
    topics = [(*topic, str(number)) for number in range(10)]
    for round in ("first", "second"):
        for each in topics:
            broker.publish(message(each, round))
    with pika.BlockingConnection(addresses(rabbit.url)) as connection:
        channel = connection.channel()
        assert [channel.queue_declare(queue_of(each), passive=True).method.message_count for each in topics] == [2] * 10


def test_a_full_queue_refuses_what_is_published(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits in the store then, and no event is dropped."""
    monkeypatch.setitem(topology._KEPT["queue"], "x-max-length", 5)

    published = list(takewhile(lambda id: is_published(broker, message(topic, id)), map(str, range(100))))
    with pytest.raises(BrokerUnavailable, match="its queue is full"):
        broker.publish(message(topic))
    assert len(published) < 100
    assert [properties.message_id for properties, _ in Queues(rabbit.url).drain(queue_of(topic))] == published


def test_a_consumer_that_rejects_an_event_leaves_a_dead_letter(
    rabbit: Rabbit, broker: RabbitBroker, topic: tuple[str, str, str]
) -> None:
    queues = Queues(rabbit.url)
    broker.publish(message(topic))
    queues.purge(DEAD_EVENTS)
    queues.reject(queue_of(topic))
    eventually(lambda: queues.waiting(DEAD_EVENTS) == 1)
    dead = queues.take(DEAD_EVENTS)
    assert dead is not None
    assert dead[0].message_id == "id-1"


def test_a_stream_keeps_events_for_every_reader(
    rabbit: Rabbit, topic: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"BROKER_URL": rabbit.url, "EVENTS_TO": "stream", "VAR_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    stream = queue_of(topic, "stream")
    with closing(bootstrap(read_settings())) as core:
        for number in range(3):
            core.broker.publish(message(topic, f"id-{number}"))
    for _ in range(2):
        assert read_stream(rabbit, stream, 3) == ["id-0", "id-1", "id-2"]


def read_stream(rabbit: Rabbit, stream: str, wanted: int) -> list[str | None]:
    with pika.BlockingConnection(addresses(rabbit.url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=10)
        found: list[str | None] = []
        reading = channel.consume(stream, arguments={"x-stream-offset": "first"}, inactivity_timeout=10)
        while len(found) < wanted:
            method, properties, _ = next(reading)
            assert method is not None, f"found {found}"
            assert properties is not None
            channel.basic_ack(method.delivery_tag or 0)
            found.append(properties.message_id)
        return found


def test_to_the_exchange_only_no_queue_is_made(rabbit: Rabbit, topic: tuple[str, str, str]) -> None:
    with (
        closing(RabbitBroker(rabbit.url, events_to="exchange")) as broker,
        pika.BlockingConnection(addresses(rabbit.url)) as connection,
    ):
        # Nobody has bound a queue yet: published is what some queue has
        with pytest.raises(BrokerUnavailable, match="no queue takes its topic"):
            broker.publish(message(topic))
        channel = connection.channel()
        mine = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(mine, EXCHANGE, routing_key(topic))
        broker.publish(message(topic, "id-2"))
        _, properties, _ = channel.basic_get(mine, auto_ack=True)
        assert properties is not None
        assert properties.message_id == "id-2"
    queues = Queues(rabbit.url)
    assert not queues.exists(queue_of(topic))
    assert not queues.exists(queue_of(topic, "stream"))


def test_the_name_of_a_queue_is_never_too_long(broker: RabbitBroker) -> None:
    at_most = ("a", "b", "c" * (MAX_ROUTING_KEY_BYTES - len("a.b.")))
    assert all(EventTopology(to).fits(at_most) for to in get_args(EventsTo))
    assert len(queue_of(at_most, "stream")) == MAX_NAME_BYTES
    # What an earlier release took may be longer: it is refused, and stops no other topic
    with pytest.raises(BrokerUnavailable, match="too long"):
        broker.publish(message(("a", "b", "c" * MAX_NAME_BYTES)))


def is_published(broker: RabbitBroker, message: Message) -> bool:
    try:
        broker.publish(message)
    except BrokerUnavailable:
        return False
    return True


def until_published(broker: RabbitBroker, message: Message) -> None:
    eventually(lambda: is_published(broker, message), 30)


def test_without_a_server_a_publish_soon_fails_at_once() -> None:
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
