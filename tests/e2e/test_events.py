"""Events through real processes: each arrives where it is consumed, whatever happens to the broker."""

import json
from itertools import count

import pytest
import requests

from core.bootstrap import event_queue
from tests.e2e.kit import FAST, Json, Payments, ops
from tests.rabbit_control import Queues

MACHINE = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
_numbers = count(1)


def topic() -> str:
    return f"e2e/events/number-{next(_numbers)}"


def published(payments: Payments, path: str, data: Json) -> Json:
    """The event once it is published."""
    answer = requests.post(f"{payments.stack.api}/api/event/{path}", json=data, headers=MACHINE, timeout=10)
    assert answer.status_code == 202, answer.text
    shown: Json = requests.get(answer.headers["Location"], headers={**MACHINE, "Prefer": "wait=30"}, timeout=60).json()
    assert shown["published"] is True, shown
    return shown


@pytest.mark.xdist_group("embedded")
def test_events_tail_prints_the_events_of_the_embedded_set_up(embedded: Payments) -> None:
    path = topic()
    event = published(embedded, path, {"number": 1})
    pattern = path.replace("/", ".")
    done = ops("ops", "events", "tail", pattern, "--no-follow", environment={"VAR_DIR": str(embedded.stack.var_dir)})
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["message_id"], line["body"]) == (event["event_uid"], {"number": 1})


@pytest.mark.xdist_group("rabbitmq")
def test_events_of_production_are_found_by_a_plain_consumer(production: Payments) -> None:
    path = topic()
    event = published(production, path, {"number": 1})
    taken = Queues(production.stack.environment["BROKER_URL"]).take(event_queue(tuple(path.split("/"))))
    assert taken is not None
    properties, body = taken
    assert (properties.message_id, json.loads(body)) == (event["event_uid"], {"number": 1})
