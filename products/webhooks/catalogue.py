"""The catalogue of events, for docs/reference and for those who check bodies: made from the installed contracts."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from core.contract import no_money
from core.installed import DEFAULT
from core.operation import Status
from products.webhooks.messages import EventType, Message, body_of, data_of, event_types

ID, AT, URL = "01a1fb2f-38bb-704b-a4e3-5dc285e92ace", "2026-11-21T17:06:45.615601Z", "https://pay.example"
MONEY = (15000, "XOF")
NOTHING: Mapping[str, Any] = {}
WHEN = {
    Status.ACCEPTED: "it is durable, and no worker has begun it yet",
    Status.PROCESSING: "a step has begun, or a doubt is over",
    Status.IN_DOUBT: "a partner has not said for 15 minutes what it did",
    Status.NEEDS_REVIEW: "a person has to decide",
    Status.SUCCEEDED: "all that was asked is done",
    Status.PARTIALLY_SUCCEEDED: "some parts are done; the money of the others was given back",
    Status.REFUNDED: "money was taken, and all of it was given back",
    Status.FAILED: "it has failed, and no money moved",
    None: "you asked for a test",
}
"""When an event of a status is sent."""
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"


def types() -> list[EventType]:
    """Of our own products, each type once."""
    found: dict[str, EventType] = {}
    for each in event_types(DEFAULT.contracts.values()):
        found.setdefault(each.name, each)
    return list(found.values())


def example(event: EventType, id: str = ID, at: str = AT, marks: Mapping[str, Any] = NOTHING) -> str:
    """The body of an event of this type. marks: what its data has besides."""
    if event.contract is None or event.status is None or event.contract.status_events is None:
        return body_of(event.name, at, {"id": id, **marks})
    events = event.contract.status_events
    money = None if events.money is no_money else MONEY
    number = list(events.names).index(event.status) + 1
    data = data_of(id, event.status.value, money, URL + events.path.format(id=id), number)
    return body_of(event.name, at, {**data, **marks})


def example_message(event: EventType, id: str, at: str) -> Message:
    """A message with an example, which says that it is a test and is about no operation. id: of the operation."""
    return Message(f"msg_test_{id}", event.name, "", at, example(event, id, at, {"test": True}))


def page() -> str:
    """The catalogue as Markdown: by family, each type with the moment it is sent, and an example of each body."""
    return "\n".join(_lines())


def schema() -> dict[str, Any]:
    """The JSON Schema of every body that is sent."""
    data: dict[str, Any] = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "description": "the operation's id; of a test, the endpoint's"},
            "status": {"enum": [status.value for status in Status]},
            "amount": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "description": "in main units"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "status_url": {"type": "string", "description": "where the operation can be read"},
            "version": {"type": "integer", "minimum": 1, "description": "grows with each status of the operation"},
            "test": {"const": True, "description": "somebody tries the endpoint: it is about no operation"},
        },
        "dependentRequired": {
            "status": ["status_url", "version"],
            "amount": ["currency", "status"],
            "currency": ["amount"],
        },
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The body of a webhook",
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"enum": sorted(each.name for each in types())},
            "timestamp": {"type": "string", "pattern": TIME, "description": "when it happened"},
            "data": data,
        },
        "additionalProperties": False,
    }


def _lines() -> Iterator[str]:
    def family(event: EventType) -> str:
        return event.name.partition(".")[0]

    for name, events in groupby(sorted(types(), key=family), family):
        listed = list(events)
        yield from (f"### {name}", "", "| type | when |", "|---|---|")
        yield from (f"| `{event.name}` | {WHEN[event.status]} |" for event in listed)
        yield from ("", "```json", *(json.dumps(json.loads(example(event))) for event in listed), "```", "")
