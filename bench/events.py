"""Events: how fast the API accepts them, how fast one worker publishes them, and whether an outage loses any."""

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
from bench.setups import Bench, InvalidMeasurement, ended
from core.accept import Command, accept
from core.bootstrap import event_queue, open_broker
from core.clock import SystemClock
from core.operation import Operation, Status
from devtools.rabbit import wait_for_amqp
from devtools.servers import ServerMissing
from devtools.stack import Stack
from products.events.contract import EVENT, EventRequest

TOPIC = "bench/events/sent"
PUBLISHED = 6000
PATIENCE_S = 600.0
"""How long rings may wait for a worker that is not started yet, before a sweeper counts them as lost."""
PER_SECOND, OUTAGE_S, AROUND_S = 50, 60, 10

_numbers = count(1)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures accepting, publishing, and an outage of the broker."""
    yield share(bench, "events: accepted, share of a bare view", events, drain)
    number = bench.size(PUBLISHED, 40)
    rates = [_published_per_second(bench, number) for _ in range(bench.size(ROUNDS, 1))]
    rounds = ", ".join(f"{rate:.0f}" for rate in rates)
    note = f"median of {len(rates)} rounds of {number} ({rounds}); RabbitMQ is on the same cores"
    yield Figure("events: published a second by one worker", median(rates), 1500, "/s", note=note)
    yield _outage(bench)


def events(number: int) -> list[bytes]:
    """Returns requests to publish this many different events."""
    return [post(f"/api/event/{TOPIC}", {"number": next(_numbers)}) for _ in range(number)]


def drain(running: Stack, accepted: int) -> list[Operation]:
    """Waits until every event is published, and returns them.

    Raises InvalidMeasurement unless all accepted events are published.
    """
    found = ended(running, EVENT.kind)
    published = sum(operation.status is Status.SUCCEEDED for operation in found)
    if not 0 < accepted == len(found) == published:
        raise InvalidMeasurement(f"accepted {accepted}, stored {len(found)}, published {published}")
    return found


def _published_per_second(bench: Bench, number: int) -> float:
    """Measures one worker. All events are accepted, and all rings sent, before it starts."""
    with bench.on_rabbitmq.stack({"WORKER_CONCURRENCY": "32"}) as running:
        running.var_dir.mkdir(exist_ok=True)
        store, broker = running.open_store(), open_broker(bench.rabbit.url)
        broker.delivery_s = PATIENCE_S
        request = EventRequest(tuple(TOPIC.split("/")), "{}", headers={})
        command = Command(EVENT.kind, request.to_json(), "bench", repeatable=True)
        while not broker.connected():
            time.sleep(0.05)
        with ThreadPoolExecutor(32) as clients:
            list(clients.map(lambda _: accept(store, broker, SystemClock(), command), range(number)))
        broker.close()
        store.close()
        running.start(("worker",))
        ends = sorted(operation.updated_at for operation in drain(running, number))
    return len(ends) / (ends[-1] - ends[0]).total_seconds()


def _outage(bench: Bench) -> Figure:
    """Counts the events answered 202 that do not reach a real consumer after an outage."""
    around_s, outage_s = bench.size(AROUND_S, 1), bench.size(OUTAGE_S, 2)
    rabbit = bench.rabbit
    with bench.on_rabbitmq.stack() as running:
        if not rabbit.controllable:
            raise ServerMissing("a given server cannot be stopped")
        running.start()
        loads: list[Load] = []
        number = PER_SECOND * (outage_s + 2 * around_s)
        clients = threading.Thread(target=lambda: loads.append(paced(running.api_port, events(number), PER_SECOND, 8)))
        clients.start()
        time.sleep(around_s)
        rabbit.ctl("stop_app")
        time.sleep(outage_s)
        rabbit.ctl("start_app")
        wait_for_amqp(rabbit.url)
        restarted_at = time.time()
        clients.join()
        found = drain(running, loads[0].statuses.get(202, 0))
        consumed = _consumed(rabbit.url)
    published_s = max(operation.updated_at.timestamp() for operation in found) - restarted_at
    published = {operation.id for operation in found}
    missing = len(published - consumed)
    counts = f"{len(found)} of {number} answered 202, {len(published & consumed)} consumed"
    note = f"{counts}, all published {published_s:.0f} s after"
    what = f"events: missing at a consumer after an outage of {outage_s} s"
    return Figure(what, missing, 0, "", at_most=True, note=note)


def _consumed(url: str) -> set[str | None]:
    """Returns the message ids in the topic's queue."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        consumed, queue = set(), event_queue(tuple(TOPIC.split("/")))
        while (message := channel.basic_get(queue, auto_ack=True))[1] is not None:
            consumed.add(message[1].message_id)
        return consumed
