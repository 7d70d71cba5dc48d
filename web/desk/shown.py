"""Operations as the desk shows them: in words, with phones masked."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from core.contract import Contract
from core.money import format_minor
from core.operation import Operation, Status, short_reference
from core.phone import mask
from core.steps import StepState
from web.languages import say

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True)
class Row:
    """One operation in a list."""

    id: str
    short: str
    kind: str
    status: str
    amount: str
    operator: str
    at: str


def row(operation: Operation, contract: Contract[Any]) -> Row:
    return Row(
        operation.id,
        short_reference(operation.id),
        operation.kind,
        operation.status.value,
        amount_of(operation, contract),
        operation.operator or "",
        moment(operation.created_at),
    )


def amount_of(operation: Operation, contract: Contract[Any]) -> str:
    """Such as `15000 XOF`; nothing for what moves no money."""
    moved = contract.status_events.money(contract.read(operation)) if contract.status_events else None
    return f"{format_minor(*moved)} {moved[1]}" if moved else ""


def waits_for(operation: Operation) -> str:
    """The first line of an operation: what it waits for, and why."""
    if operation.terminal:
        return say("It has ended.")
    open_steps = [(name, record) for name, record in operation.steps.items() if not record.ended and record.attempts]
    if operation.status is Status.NEEDS_REVIEW:
        named = ", ".join(name for name, _ in open_steps) or say("its steps")
        return say("It waits for a person, who decides about {steps}.", steps=named)
    if operation.status is Status.OPEN:
        return say("It is open until its owner, or a second person, closes it.")
    for name, record in open_steps:
        asked = record.attempts + record.enquiries
        at = f"{record.next_at:%H:%M:%S}" if record.next_at else "…"
        if record.state is StepState.SUBMITTED:
            text = say(
                "It waits for the answer to {step}; asked {times} times; next at {at} UTC.",
                step=name,
                times=asked,
                at=at,
            )
        else:
            text = say("{step} is tried again at {at} UTC, after {times} times.", step=name, times=asked, at=at)
        return f"{text} {record.last_error or ''}".strip()
    return say("It waits for a worker.")


def timeline(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """What happened, in order: when, at which step, and what; the same again is one line."""
    rows = [(entry.at, entry.step or "", entry.text) for entry in operation.history]
    for _, same in groupby(rows, key=lambda each: each[1:]):
        (at, step, text), *more = same
        yield moment(at), step, masked(text) + (f" (+{len(more)})" if more else "")


def calls(operation: Operation) -> Iterator[tuple[str, str, str, str, str]]:
    """Each call of a partner: when, for which step, how long, what we understood, and its own words."""
    found = [(call.at, name, call) for name, record in operation.steps.items() for call in record.calls]
    for at, name, call in sorted(found, key=lambda each: each[:2]):
        said = ", ".join(f"{key}: {value}" for key, value in call.said.items())
        yield moment(at), f"{name}, {call.verb}", f"{call.took_ms} ms", call.reply, masked(said)


def effects(operation: Operation, contract: Contract[Any]) -> Iterator[tuple[str, str, str]]:
    """What it did to money elsewhere: what, how much, and whether that is known."""
    for effect in contract.effects(operation):
        if effect.minor and operation.step(effect.reference.partition(":")[2]).attempts:
            known = say("done") if effect.certain else say("not known")
            yield effect.kind.name, f"{format_minor(effect.minor, effect.currency)} {effect.currency}", known


def request_of(operation: Operation) -> str:
    return masked(json.dumps(operation.request, ensure_ascii=False, indent=2))


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def masked(text: str) -> str:
    """The text without whole phones."""
    return _PHONE.sub(lambda found: mask(found[0]), text)
