"""Events: how fast they are accepted, how fast one worker publishes them, and whether an outage loses any."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median

import pika

from bench.accept import ROUNDS, share
from bench.load import Load, paced, post
from bench.report import Figure
from bench.setups import DRAIN_S, Void, stack
from core.accept import Order, accept
from core.broker.rabbitmq import RabbitBroker
from core.clock import SystemClock
from core.operation import Operation, Status
from core.store.port import OPERATIONS, AtMost, scan
from core.store.sql import SqlStore
from ops.rabbit import RabbitMissing, open_rabbit, wait_for_amqp
from ops.stack import Stack

TOPIC = "bench/events/told"
PUBLISHED = 6000
PER_SECOND, OUTAGE_S, AROUND_S = 50, 60, 10

_numbers = count(1)


def measure() -> Iterator[Figure]:
    yield share("events: accepted, share of a bare view", events, drain)
    rates = [_published_per_second() for _ in range(ROUNDS)]
    rounds = ", ".join(f"{rate:.0f}" for rate in rates)
    note = f"median of {ROUNDS} rounds of {PUBLISHED} ({rounds}); RabbitMQ is on the same cores"
    yield Figure("events: published a second by one worker", median(rates), 1500, "/s", note=note)
    yield _outage()


def events(number: int) -> list[bytes]:
    return [post(f"/api/event/{TOPIC}", {"number": next(_numbers)}) for _ in range(number)]


def drain(running: Stack, accepted: int) -> list[Operation]:
    """Waits until every event is published. Raises Void unless all that were accepted are."""
    store = SqlStore(f"sqlite:///{running.var_dir / 'quittance.sqlite'}")
    deadline = time.monotonic() + DRAIN_S
    while store.find(OPERATIONS, {"kind": "event", "due_at": AtMost("9999")}, limit=1) and time.monotonic() < deadline:
        time.sleep(0.05)
    found = [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": "event"})]
    store.close()
    published = sum(operation.status is Status.SUCCEEDED for operation in found)
    if not accepted == len(found) == published:
        raise Void(f"accepted {accepted}, stored {len(found)}, published {published}")
    return found


class Patient(RabbitBroker):
    """Its rings wait for a worker that is yet to be started: no sweeper is to think them lost."""

    delivery_s = 600.0


def _published_per_second() -> float:
    """All are accepted and rung for before the one worker starts."""
    with open_rabbit() as rabbit, stack({"BROKER_URL": rabbit.url, "WORKER_CONCURRENCY": "32"}) as running:
        running.var_dir.mkdir(exist_ok=True)
        store, broker = SqlStore(f"sqlite:///{running.var_dir / 'quittance.sqlite'}"), Patient(rabbit.url)
        request: dict[str, object] = {"topic": TOPIC.split("/"), "data": "{}", "headers": {}, "replay_of": None}
        order = Order("event", request, "bench", repeatable=True)
        while not broker.connected():
            time.sleep(0.05)
        with ThreadPoolExecutor(32) as clients:
            list(clients.map(lambda _: accept(store, broker, SystemClock(), order), range(PUBLISHED)))
        broker.close()
        store.close()
        running.start(("worker",))
        ends = sorted(operation.updated_at for operation in drain(running, PUBLISHED))
    return len(ends) / (ends[-1] - ends[0]).total_seconds()


def _outage() -> Figure:
    """A real consumer at the end; everything that was answered 202 has to reach it."""
    with open_rabbit() as rabbit, stack({"BROKER_URL": rabbit.url}) as running:
        if not rabbit.controllable:
            raise RabbitMissing("the server of BROKER_TEST_URL is not ours to stop")
        running.start()
        loads: list[Load] = []
        number = PER_SECOND * (OUTAGE_S + 2 * AROUND_S)
        clients = threading.Thread(target=lambda: loads.append(paced(running.api_port, events(number), PER_SECOND, 8)))
        clients.start()
        time.sleep(AROUND_S)
        rabbit.ctl("stop_app")
        time.sleep(OUTAGE_S)
        rabbit.ctl("start_app")
        wait_for_amqp(rabbit.url)
        back = time.time()
        clients.join()
        found = drain(running, loads[0].statuses.get(202, 0))
        seen = _consumed(rabbit.url)
    gone_s = max(operation.updated_at.timestamp() for operation in found) - back
    missing = len({operation.id for operation in found} - seen)
    note = f"{len(found)} of {number} answered 202, {len(seen)} at the consumer; all published {gone_s:.0f} s after"
    return Figure("events: missing at a consumer after an outage of 60 s", missing, 0, "", at_most=True, note=note)


def _consumed(url: str) -> set[str | None]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        seen = set()
        while (taken := channel.basic_get(TOPIC, auto_ack=True))[1] is not None:
            seen.add(taken[1].message_id)
        return seen
