"""What RabbitMQ does to a broker adapter: stopped, killed, cut off, full, its queues deleted under way."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from core.broker.rabbitmq import RabbitBroker
from core.broker.rabbitmq import publisher as publisher_module
from core.broker.rabbitmq.link import BACKOFF_MAX_S, backoff_s
from core.broker.rabbitmq.publisher import Publisher
from devtools.rabbit import Rabbit
from tests.broker.kits import PATIENCE_S, RabbitKit, Work, eventually
from tests.rabbit_control import close_connections, start_app, stop_app

pytestmark = pytest.mark.xdist_group("rabbitmq")

ROOT = Path(__file__).parents[2]
NOBODY = "amqp://guest:guest@127.0.0.1:1/%2F"

PUBLISHER = """
import sys
from core.broker.rabbitmq import RabbitBroker
broker = RabbitBroker(sys.argv[1], sys.argv[2])
for n in range(500):
    broker.ring("fine", f"f{n}")
broker.close()
"""

CONSUMER = """
import sys, threading
from core.broker.rabbitmq import RabbitBroker
def handle(id):
    print(id, flush=True)
    threading.Event().wait()
RabbitBroker(sys.argv[1], sys.argv[2]).consume(["fine"], handle, 1)
threading.Event().wait()
"""


def another_process(program: str, kit: RabbitKit) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, kit.url, kit.name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def connections(rabbit: Rabbit) -> set[str]:
    return set(rabbit.ctl("list_connections", "pid").split()) - {"pid"}  # the heading


def cut(rabbit: Rabbit) -> None:
    """Has the server close all connections, and waits until as many new ones are there."""
    before = connections(rabbit)
    close_connections(rabbit)
    eventually(lambda: len(connections(rabbit) - before) == len(before))


def test_rings_flow_again_after_the_server_was_stopped(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    work = Work(rabbit_kit)
    broker = rabbit_kit.broker()
    broker.consume(["fine"], work, 2)
    rabbit_kit.ring("fine", "before")
    work.wait_ended("before")

    stop_app(private_rabbit)
    eventually(lambda: not broker.connected())
    broker.ring("fine", "meanwhile")
    assert broker.counts["dropped"] == 1
    late = Work(rabbit_kit)
    broker.consume(["event"], late, 1)
    start_app(private_rabbit)

    rabbit_kit.ring("fine", "after")
    rabbit_kit.ring("event", "late")
    work.wait_ended("after")
    late.wait_ended("late")
    assert work.begun == ["before", "after"]


def test_confirmed_rings_survive_the_servers_death(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    broker = rabbit_kit.broker()
    broker.ring("fine", "first")
    eventually(lambda: broker.counts.get("confirmed") == 1)
    # A server that dies within moments of a queue's first declaration forgets the queue's log, confirmed or not.
    stop_app(private_rabbit)
    start_app(private_rabbit)
    eventually(broker.connected)
    ids = [f"f{n}" for n in range(50)]
    for id in ids:
        broker.ring("fine", id)
    eventually(lambda: broker.counts["confirmed"] == 51)

    private_rabbit.kill()
    private_rabbit.start()

    work = Work(rabbit_kit)
    broker.consume(["fine"], work, 5)
    work.wait_ended("first", *ids)
    assert set(work.ended) == {"first", *ids}


def test_rings_flow_again_after_all_connections_were_closed(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    work = Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine"], work, 2)
    rabbit_kit.ring("fine", "before")
    work.wait_ended("before")

    cut(private_rabbit)

    rabbit_kit.ring("fine", "after")
    work.wait_ended("after")
    assert set(work.begun) == {"before", "after"}


def test_a_blocked_connection_is_not_connected(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    broker = rabbit_kit.broker()
    broker.ring("fine", "first")
    eventually(lambda: broker.counts.get("confirmed") == 1)
    try:
        private_rabbit.ctl("set_vm_memory_high_watermark", "0")
        broker.ring("fine", "the server says that it is blocked to those who publish")
        eventually(lambda: not broker.connected())
    finally:
        private_rabbit.ctl("set_vm_memory_high_watermark", "0.4")

    eventually(broker.connected)
    broker.ring("fine", "last")
    eventually(lambda: broker.counts["confirmed"] == 3)
    assert broker.connected()


def test_an_unroutable_ring_is_noticed_and_the_queue_made_again(rabbit_kit: RabbitKit) -> None:
    broker = rabbit_kit.broker()
    broker.ring("fine", "first")
    eventually(lambda: broker.counts.get("confirmed") == 1)

    rabbit_kit.queues.delete(rabbit_kit.topology.queue("fine"))
    broker.ring("fine", "nowhere to go")
    eventually(lambda: broker.counts.get("unroutable") == 1)

    broker.ring("fine", "next")
    eventually(lambda: broker.counts["confirmed"] == 3)
    assert rabbit_kit.waiting("fine") == 1


def test_a_ring_that_is_refused_at_first_is_sent_again(rabbit_kit: RabbitKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does a quorum queue, for as long as it takes to elect its first leader."""
    hear, refusals = Publisher._confirmed, iter(range(4))

    def mishear(self: Publisher, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        refused = next(refusals, None) is not None
        hear(self, Method(frame.channel_number, Basic.Nack(frame.method.delivery_tag)) if refused else frame)

    monkeypatch.setattr(Publisher, "_confirmed", mishear)
    broker = rabbit_kit.broker()
    broker.ring("fine", "f")
    eventually(lambda: broker.counts.get("confirmed") == 1)
    assert broker.counts["refused"] == 4


@pytest.mark.parametrize("answer", [Basic.Nack, None])
def test_a_channel_that_confirms_nothing_is_replaced(
    rabbit_kit: RabbitKit, monkeypatch: pytest.MonkeyPatch, answer: type[Basic.Nack] | None
) -> None:
    """RabbitMQ 3.10 has such channels, opened at the moment at which a queue changes its leader."""
    spoilt: list[Channel | None] = []
    hear = Publisher._confirmed

    def mishear(self: Publisher, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        if self._channel not in spoilt:
            hear(self, frame)
        elif answer is not None:
            hear(self, Method(frame.channel_number, answer(frame.method.delivery_tag)))

    monkeypatch.setattr(publisher_module, "WORN_OUT_S", 0.5)
    monkeypatch.setattr(Publisher, "_confirmed", mishear)
    broker = rabbit_kit.broker()
    broker.ring("fine", "first")
    eventually(lambda: broker.counts.get("confirmed") == 1)
    spoilt.append(broker._publisher._channel)

    def ring_until_confirmed() -> bool:
        broker.ring("fine", "second")
        return broker.counts["confirmed"] > 1

    eventually(ring_until_confirmed)
    assert broker._publisher._channel not in spoilt


def test_a_consumer_that_does_not_hear_every_kind_is_not_connected(
    rabbit_kit: RabbitKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper then takes operations from the store. A queue without a leader answers no consumer."""
    consume = Channel.basic_consume
    silent = rabbit_kit.topology.queue("event")

    def consume_some(self: Channel, queue: str, *arguments: Any, **named: Any) -> str:
        return "" if queue == silent else consume(self, queue, *arguments, **named)

    monkeypatch.setattr(Channel, "basic_consume", consume_some)
    work = Work(rabbit_kit)
    subscription = rabbit_kit.broker().consume(["event", "fine"], work, 1)
    rabbit_kit.ring("fine", "f")
    work.wait_ended("f")
    assert not subscription.connected()

    monkeypatch.undo()
    eventually(rabbit_kit.broker().consume(["event", "fine"], work, 1).connected)


def test_a_consumer_outlives_its_queue(rabbit_kit: RabbitKit) -> None:
    work = Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine", "event"], work, 2)
    rabbit_kit.ring("fine", "before")
    work.wait_ended("before")

    fines = rabbit_kit.topology.queue("fine")
    rabbit_kit.queues.delete(fines)
    eventually(lambda: rabbit_kit.queues.exists(fines))
    rabbit_kit.ring("fine", "after")
    rabbit_kit.ring("event", "the other one")

    work.wait_ended("after", "the other one")
    assert set(work.begun) == {"before", "after", "the other one"}


def test_stop_acknowledges_all_that_was_handled(rabbit_kit: RabbitKit) -> None:
    work = Work(rabbit_kit)
    subscription = rabbit_kit.broker().consume(["fine"], work, 20)
    ids = [f"f{n}" for n in range(500)]
    for id in ids:
        rabbit_kit.ring("fine", id)
    work.wait_ended(*ids)

    assert subscription.stop(5)

    assert rabbit_kit.waiting("fine") == 0


def test_a_ring_held_by_a_process_that_dies_is_given_to_another(rabbit_kit: RabbitKit) -> None:
    with another_process(CONSUMER, rabbit_kit) as victim:
        rabbit_kit.ring("fine", "held")
        assert victim.stdout is not None
        line = ""
        while line != "held\n":  # its log comes out there as well
            line = victim.stdout.readline()
            assert line, "the other process ended"
        work = Work(rabbit_kit)
        rabbit_kit.broker().consume(["fine"], work, 1)
        victim.kill()

    work.wait_ended("held")


def test_a_process_that_closes_has_sent_everything(rabbit_kit: RabbitKit) -> None:
    work = Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine"], work, 50)
    rabbit_kit.ring("fine", "first")

    with another_process(PUBLISHER, rabbit_kit) as publisher:
        publisher.communicate(timeout=PATIENCE_S)

    work.wait_ended(*(f"f{n}" for n in range(500)))


def test_a_handler_may_take_longer_than_the_heartbeat(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    work = Work(rabbit_kit, open=False)
    rabbit_kit.broker("?heartbeat=1").consume(["fine"], work, 1)
    rabbit_kit.ring("fine", "slow")
    work.wait_begun("slow")
    before = connections(private_rabbit)

    work.gate.wait(3.5)  # the server gives up on a silent client after two heartbeats

    assert connections(private_rabbit) == before
    work.gate.set()
    rabbit_kit.ring("fine", "next")
    work.wait_ended("slow", "next")
    assert work.begun == ["slow", "next"]


def test_the_acknowledgement_of_an_old_channel_is_dropped(rabbit_kit: RabbitKit, private_rabbit: Rabbit) -> None:
    held, quick = Work(rabbit_kit, open=False), Work(rabbit_kit)
    rabbit_kit.broker().consume(["fine"], lambda id: held(id) if id == "held" else quick(id), 2)
    rabbit_kit.ring("fine", "held")
    held.wait_begun("held")
    cut(private_rabbit)
    rabbit_kit.ring("fine", "on the new channel")
    quick.wait_ended("on the new channel")
    before = connections(private_rabbit)

    held.gate.set()
    held.wait_ended("held")
    rabbit_kit.ring("fine", "after")

    quick.wait_ended("after")
    assert connections(private_rabbit) == before  # a server that hears a tag it never gave out closes the channel
    assert held.begun == ["held"]


def test_without_a_server_nothing_blocks_and_nothing_raises() -> None:
    began_s = time.monotonic()
    with closing(RabbitBroker(NOBODY)) as broker:
        subscription = broker.consume(["fine"], lambda id: None, 10)
        for n in range(50_000):
            broker.ring("fine", str(n))
        assert not broker.connected()
        eventually(lambda: sum(broker.counts.get(word, 0) for word in ("dropped", "lost")) == 50_000)
        assert subscription.stop(1)
    assert time.monotonic() - began_s < 10


def test_a_url_of_another_form_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="amqp"):
        RabbitBroker("http://127.0.0.1")


def test_reconnects_back_off_and_are_bounded() -> None:
    waits = [backoff_s(failures) for failures in range(100)]

    assert 0.25 <= waits[0] <= 0.5
    assert 0.5 <= waits[1] <= 1.0
    assert all(BACKOFF_MAX_S / 2 <= wait <= BACKOFF_MAX_S for wait in waits[5:])
