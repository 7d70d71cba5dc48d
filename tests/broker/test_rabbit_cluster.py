"""A cluster of three nodes whose leader is killed while rings and events are sent: what was confirmed is there."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path

import pytest
import structlog
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from core.broker.port import Message
from core.broker.rabbitmq import RabbitBroker
from core.broker.rabbitmq.publisher import Publisher, confirmed_tags
from core.broker.rabbitmq.topology import EventTopology, Topology
from core.errors import BrokerUnavailable
from devtools.rabbit_cluster import Cluster
from tests.broker.kits import eventually
from tests.rabbit_control import Queues

log = structlog.get_logger()

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq"), pytest.mark.timeout(600)]

NAME = "test-cluster"
TOPICS = ("shop", "orders", "made"), ("shop", "stock", "changed")
ENOUGH = 200
"""Of each sort, before the kill and after it."""
PATIENCE_S = 120.0


@pytest.fixture
def cluster(binaries: Path) -> Iterator[Cluster]:
    with Cluster(binaries) as cluster:
        cluster.start()
        yield cluster


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The ids of rings that the server has confirmed, with the times, for a publisher that only counts them."""
    times: dict[str, float] = {}
    hear = Publisher._confirmed

    def listen(self: Publisher, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        if isinstance(frame.method, Basic.Ack):
            tags = confirmed_tags(self._unconfirmed, frame.method)
            times.update((ring.id, time.monotonic()) for tag in tags for ring in self._unconfirmed[tag])
        hear(self, frame)

    def not_taken(self: Publisher, channel: Channel, method: Basic.Return, properties: object, body: bytes) -> None:
        raise AssertionError("a ring was unroutable")

    monkeypatch.setattr(Publisher, "_confirmed", listen)
    monkeypatch.setattr(Publisher, "_returned", not_taken)
    return times


class Events:
    """Publishes events one after another, and remembers those for which publish() returned, with the times."""

    def __init__(self, broker: RabbitBroker, topic: tuple[str, ...]) -> None:
        self.published: dict[str, float] = {}
        self.refusals: set[str] = set()
        self._broker = broker
        self._topic = topic

    def publish(self, over: threading.Event) -> None:
        for number in count():
            if over.wait(0.005):
                return
            try:
                self._broker.publish(Message(self._topic, str(number), b"{}", {}))
                self.published[str(number)] = time.monotonic()
            except BrokerUnavailable as error:
                self.refusals.add(str(error.details["reason"]))


def ring(broker: RabbitBroker, over: threading.Event) -> None:
    for number in count():
        if over.wait(0.005):
            return
        broker.ring("fine", str(number))


def longest_gap_s(times: dict[str, float]) -> float:
    return max(after - before for before, after in pairwise(sorted(times.values())))


def test_a_leader_that_is_killed_takes_nothing_with_it_that_was_confirmed(
    cluster: Cluster, confirmed: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given rings and events that flow through the first node, which leads their queues
    monkeypatch.setattr(random, "randrange", lambda _: 0)
    handled: set[str] = set()
    over = threading.Event()
    with closing(RabbitBroker(cluster.url, NAME)) as broker, closing(RabbitBroker(cluster.url, NAME)) as worker:
        subscription = worker.consume(["fine"], handled.add, 10)
        events = [Events(broker, topic) for topic in TOPICS]
        senders: list[Callable[[threading.Event], None]] = [lambda over: ring(broker, over)]
        threads = [threading.Thread(target=send, args=(over,)) for send in senders + [each.publish for each in events]]
        for thread in threads:
            thread.start()
        records = [confirmed, *(each.published for each in events)]
        eventually(lambda: all(len(record) >= ENOUGH for record in records), PATIENCE_S)
        leader = cluster.leader(Topology(NAME).queue("fine"))

        # If that node is killed under way
        leader.kill()
        before = [len(record) for record in records]
        eventually(
            lambda: all(len(now) >= then + ENOUGH for now, then in zip(records, before, strict=True)), PATIENCE_S
        )
        over.set()
        for thread in threads:
            thread.join()

        # I expect that every link is back, and nothing that was confirmed is missing
        eventually(lambda: broker.connected() and subscription.connected())
        eventually(lambda: set(confirmed) <= handled, PATIENCE_S)
        assert leader is cluster.nodes[0]
    for topic, each in zip(TOPICS, events, strict=True):
        assert set(each.published) <= kept(cluster, topic)
        gap_s = longest_gap_s(each.published)
        log.info("without_service", topic=topic, seconds=round(gap_s, 1), refusals=sorted(each.refusals))
    log.info("without_service", rings=broker.counts, seconds=round(longest_gap_s(confirmed), 1))


def kept(cluster: Cluster, topic: tuple[str, ...]) -> set[str | None]:
    """The message ids in the queue of this topic."""
    queue = EventTopology().queue(topic)
    assert queue is not None
    return {properties.message_id for properties, _ in Queues(cluster.url).drain(queue)}
