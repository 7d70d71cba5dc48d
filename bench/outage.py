"""A broker outage under load: what clients get, how often operations are rung for, and when the backlog is gone."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pika
import requests

from bench.load import Load, paced
from bench.report import Figure
from bench.setups import PATIENCE_S, POLL_S, Bench, InvalidMeasurement, drain, payments
from devtools.rabbit import Rabbit, wait_for_amqp
from devtools.servers import ServerMissing
from devtools.stack import Stack

PER_SECOND = 50
BEFORE_S, OUTAGE_S, AFTER_S = 10, 60, 20
TRACE = "amq.rabbitmq.trace"
"""The exchange to which RabbitMQ's tracer sends a copy of every published message."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures a minute without the broker, under load."""
    before_s, outage_s, after_s = bench.size(BEFORE_S, 1), bench.size(OUTAGE_S, 2), bench.size(AFTER_S, 2)
    rabbit = bench.rabbit
    with bench.on_rabbitmq.stack({"MOCK_LATENCY_MAX_S": "1"}) as running:
        if not rabbit.controllable:
            raise ServerMissing("a given server cannot be stopped")
        running.start()
        number = PER_SECOND * (before_s + outage_s + after_s)
        loads: list[Load] = []
        clients = threading.Thread(
            target=lambda: loads.append(paced(running.api_port, payments(number), PER_SECOND, 16))
        )
        with counted_rings(rabbit) as rings:
            clients.start()
            time.sleep(before_s)
            rabbit.ctl("stop_app")
            time.sleep(outage_s)
            rabbit.ctl("start_app")
            wait_for_amqp(rabbit.url)
            restarted_at = datetime.now(UTC)
            rabbit.ctl("trace_on")
            clients.join()
            _wait_for_broker(running)
            loads.append(paced(running.api_port, payments(PER_SECOND), PER_SECOND, 16))  # rings to count in any case
            accepted = sum(load.statuses.get(202, 0) for load in loads)
            found = drain(running, accepted)
    if not rings:
        raise InvalidMeasurement("the tracer has counted no rings")
    before = [operation.updated_at for operation in found if operation.created_at < restarted_at]
    number += PER_SECOND
    note = f"{accepted} of {number} at {PER_SECOND}/s, all finished; p99 {loads[0].percentile_s(0.99) * 1000:.0f} ms"
    yield Figure(f"outage of {outage_s} s: share answered 202", accepted / number, 1, "", note=note)
    note = f"{rings.total()} rings reached the server, counted by its tracer"
    yield Figure("outage: rings of one operation", max(rings.values()), 3, "", at_most=True, note=note)
    gone_s = max(0, (max(before) - restarted_at).total_seconds())
    yield Figure("outage: backlog gone after the return", gone_s, 30, "s", at_most=True, note="workers poll meanwhile")


def _wait_for_broker(running: Stack) -> None:
    """Returns when the API is connected to the broker again. Raises InvalidMeasurement."""
    give_up_at = time.monotonic() + PATIENCE_S
    while requests.get(f"{running.api}/readyz", timeout=10).json()["broker"] != "ok":
        if time.monotonic() > give_up_at:
            raise InvalidMeasurement("the API has not connected to the broker again")
        time.sleep(POLL_S)


@contextmanager
def counted_rings(rabbit: Rabbit) -> Iterator[Counter[str]]:
    """Counts the published rings, by operation. The counter is filled on leaving the context.

    The queue of copies is durable, to survive the outage.
    """
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
            rings.update((copy[2] or b"").decode().split())  # a message may hold several rings, one a line
        channel.queue_delete("copies")
    rabbit.ctl("trace_off")
