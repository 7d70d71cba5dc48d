"""What clients are told: types of events, and bodies that are made once and never change."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.clock import to_rfc3339
from core.contract import Contract
from core.money import format_minor
from core.operation import Entry, Operation, Status

TEST = "webhook.test"


@dataclass(frozen=True)
class Message:
    """id: the same for each attempt and each receiver; status and at: of the entry that it tells of.

    body: JSON text, as it is sent and signed.
    """

    id: str
    type: str
    status: str
    at: str
    body: str


@dataclass(frozen=True)
class EventType:
    """status: what it tells of; None for a test. contract: of the operations that it is about."""

    name: str
    status: Status | None
    contract: Contract[Any] | None


def event_types(contracts: Iterable[Contract[Any]]) -> list[EventType]:
    """What endpoints may be told of, with one entry for each kind of operation and status."""
    told = ((contract, contract.status_events) for contract in contracts)
    found = [
        EventType(f"{events.family}.{name}", status, contract)
        for contract, events in told
        if events is not None
        for status, name in events.names.items()
    ]
    return [*found, EventType(TEST, None, None)]


def messages(contract: Contract[Any], before: Operation, after: Operation, public_url: str) -> Iterator[Message]:
    """Returns a message for each status that the operation comes to, and for that it was accepted.

    before: the operation as it is stored; after: as it is going to be.
    """
    events = contract.status_events
    known = 0 if before.status is Status.ACCEPTED else len(before.moves())
    for number, entry in enumerate(after.moves() if events else (), start=1):
        status = Status(entry.event)
        if number > known and events is not None and status in events.names:
            yield _message(contract, after, entry, number, public_url)


def _message(contract: Contract[Any], operation: Operation, entry: Entry, number: int, public_url: str) -> Message:
    events = contract.status_events
    assert events is not None
    type, at = f"{events.family}.{events.names[Status(entry.event)]}", to_rfc3339(entry.at)
    money, url = events.money(contract.read(operation)), public_url + events.path.format(id=operation.id)
    body = body_of(type, at, data_of(operation.id, entry.event, money, url, number))
    return Message(message_id(operation.id, type, at), type, entry.event, at, body)


def data_of(id: str, status: str, money: tuple[int, str] | None, url: str, number: int) -> dict[str, Any]:
    """The data of a body: no phones and no names. number: of the status among those of the operation."""
    amount = {"amount": format_minor(*money), "currency": money[1]} if money else {}
    return {"id": id, "status": status, **amount, "status_url": url, "version": number}


def trial_message(endpoint: str, at: str) -> Message:
    """The message that shows a client whether its endpoint works."""
    return Message(message_id(endpoint, TEST, at), TEST, "", at, body_of(TEST, at, {"id": endpoint}))


def message_id(about: str, type: str, at: str) -> str:
    return "msg_" + hashlib.sha256(f"{about}\n{type}\n{at}".encode()).hexdigest()[:32]


def body_of(type: str, at: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": type, "timestamp": at, "data": data}, separators=(",", ":"))
