"""A broker outage under load: what clients see, how often operations are rung for, and when the backlog is gone."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pika

from bench.load import Load, paced
from bench.report import Figure
from bench.setups import drain, payments, stack
from ops.rabbit import Rabbit, RabbitMissing, open_rabbit, wait_for_amqp

PER_SECOND = 50
BEFORE_S, OUTAGE_S, AFTER_S = 10, 60, 20
TRACE = "amq.rabbitmq.trace"
"""Where the server's own tracer sends a copy of every message that is published."""


def measure() -> Iterator[Figure]:
    with open_rabbit() as rabbit, stack({"BROKER_URL": rabbit.url, "MOCK_LATENCY_MAX_S": "1"}) as running:
        if not rabbit.controllable:
            raise RabbitMissing("the server of BROKER_TEST_URL is not ours to stop")
        running.start()
        number = PER_SECOND * (BEFORE_S + OUTAGE_S + AFTER_S)
        loads: list[Load] = []
        clients = threading.Thread(
            target=lambda: loads.append(paced(running.api_port, payments(number), PER_SECOND, 16))
        )
        with counted_rings(rabbit) as rings:
            clients.start()
            time.sleep(BEFORE_S)
            rabbit.ctl("stop_app")
            time.sleep(OUTAGE_S)
            rabbit.ctl("start_app")
            wait_for_amqp(rabbit.url)
            back = datetime.now(UTC)
            rabbit.ctl("trace_on")
            clients.join()
            accepted = loads[0].statuses.get(202, 0)
            found = drain(running, accepted)
    before = [operation.updated_at for operation in found if operation.created_at < back]
    note = f"{accepted} of {number} at {PER_SECOND}/s, all finished; p99 {loads[0].percentile_s(0.99) * 1000:.0f} ms"
    yield Figure("outage of 60 s: share answered 202", accepted / number, 1, "", note=note)
    note = f"{rings.total()} rings that reached the server, seen by its own tracer"
    yield Figure("outage: rings of one operation", max(rings.values()), 3, "", at_most=True, note=note)
    gone_s = max(0, (max(before) - back).total_seconds())
    yield Figure("outage: backlog gone after the return", gone_s, 30, "s", at_most=True, note="workers poll meanwhile")


@contextmanager
def counted_rings(rabbit: Rabbit) -> Iterator[Counter[str]]:
    """Counts what is published, by operation. The queue of the copies is the server's to keep over its outage."""
    rings: Counter[str] = Counter()
    rabbit.ctl("trace_on")
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("copies", durable=True)
        channel.queue_bind("copies", TRACE, "publish.#")
    yield rings
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        while (copy := channel.basic_get("copies", auto_ack=True))[0] is not None:
            rings[(copy[2] or b"").decode()] += 1
