"""One operation for a terminal of 80 columns, and as JSON."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.clock import to_rfc3339
from core.given_back import parts_of
from core.money import format_minor
from core.operation import Operation, fingerprint, short_reference
from core.phone import mask
from core.repeated import fingerprints
from core.steps import Call, text_of
from core.store.port import JOURNAL, OPERATIONS
from ops.opened import Opened
from ops.terminal import literal
from products.messages.contract import SMS
from products.webhooks.contract import DELIVER_STEP, WEBHOOK
from worker.partners.operators.port import NotConfigured
from worker.waiting import waits_for

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_TOOK = re.compile(r"took [0-9]+ ms")
MAX_DELIVERIES = 20


def waiting(opened: Opened, operation: Operation) -> str:
    """The first line: what the operation waits for, and why."""
    try:
        return waits_for(opened.stages(operation), operation, opened.core.clock.now())
    except NotConfigured as error:
        return f"Waits until its operator is configured: {error}."


def as_json(opened: Opened, operation: Operation) -> dict[str, Any]:
    """All that is known, in the shape that docs/reference/cli.md gives. Phones are masked."""
    return {
        "id": operation.id,
        "short": short_reference(operation.id),
        "kind": operation.kind,
        "status": operation.status.value,
        "waits_for": waiting(opened, operation),
        "client": operation.client and _masked(operation.client),
        "operator": operation.operator,
        "request": json.loads(_masked(json.dumps(operation.request, ensure_ascii=False))),
        "error": operation.error,
        "created_at": to_rfc3339(operation.created_at),
        "updated_at": to_rfc3339(operation.updated_at),
        "due_at": text_of(operation.due_at),
        "history": [
            {"at": to_rfc3339(entry.at), "step": entry.step, "event": entry.event, "text": entry.text}
            for entry in operation.history
        ],
        "calls": {
            name: [call.to_document() for call in record.calls]
            for name, record in operation.steps.items()
            if record.calls
        },
        "money": list(_money(opened, operation)),
        "notifications": list(_notifications(opened, operation)),
    }


def as_text(opened: Opened, operation: Operation) -> RenderableType:
    """All that is known, with the first line that says what it waits for."""
    client = _masked(operation.client or "nobody known")
    head = (
        f"{operation.kind} {short_reference(operation.id)}: {operation.status}",
        f"{operation.id}, accepted {_moment(operation.created_at)} UTC for {client}"
        + (f", through {operation.operator}" if operation.operator else ""),
        _masked(json.dumps(operation.request, ensure_ascii=False)),
    )
    parts: list[RenderableType] = [Text(waiting(opened, operation), style="bold"), *map(literal, head)]
    columns = ("time (UTC)", "step", "what happened")
    parts += _section("Timeline", columns, list(_timeline(operation)))
    parts += _section("Calls of partners", columns, list(_calls(operation)))
    money = [(each["what"], each["amount"], each["currency"], each["state"]) for each in _money(opened, operation)]
    parts += _section("Money", ("what", "amount", "currency", "state"), money)
    told = [(each["what"], each["to"], each["state"], each["id"]) for each in _notifications(opened, operation)]
    parts += _section("Notifications", ("what", "to", "state", "id"), told)
    return Group(*parts)


def _section(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[RenderableType]:
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), title=f"\n{title}", title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(each if isinstance(each, Text) else literal(each) for each in row))
    yield table


def _timeline(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """What happened, in order."""
    return _folded([(entry.at, entry.step or "", entry.text) for entry in operation.history])


def _calls(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """The evidence: each call, with the partner's own words."""
    records = operation.steps.items()
    return _folded(sorted((call.at, name, words(call)) for name, record in records for call in record.calls))


def _folded(rows: list[tuple[datetime, str, str]]) -> Iterator[tuple[str, str, str]]:
    """What is the same again, one after the other, is one line."""
    for _, same in groupby(rows, key=lambda row: (row[1], _TOOK.sub("", row[2]))):
        (at, step, text), *more = same
        again = f" (and {len(more)} more until {more[-1][0]:%H:%M:%S})" if more else ""
        yield _moment(at), step, text + again


def words(call: Call) -> str:
    """A call, and the partner's own words."""
    said = ", ".join(f"{name}: {value}" for name, value in call.said.items())
    return f"{call.verb} took {call.took_ms} ms, understood as {call.reply}; the partner said: {said}"


def _money(opened: Opened, operation: Operation) -> Iterator[dict[str, Any]]:
    """What the operation did, or may have done, to money elsewhere, and its entries in our journal."""
    contract = opened.finder.contracts[operation.kind]
    for effect in contract.effects(operation):
        if effect.minor and operation.step(effect.reference.partition(":")[2]).attempts:
            state = "done" if effect.certain else "not known"
            yield _moved(effect.kind.name, effect.minor, effect.currency, state)
    if contract.refunding is not None:
        currency = contract.refunding.currency(contract.read(operation))
        for id, part in parts_of(operation).items():
            yield _moved(f"refund {short_reference(id)}", part.minor, currency, part.state.value)
    for leg in ("out", "in"):
        entry = opened.core.store.get(JOURNAL, f"{operation.id}:{leg}")
        if entry is not None:
            yield _moved(f"journal, {leg}", entry["amount"], entry["currency"], "done")


def _moved(what: str, minor: int, currency: str, state: str) -> dict[str, str]:
    return {"what": what, "amount": format_minor(minor, currency), "currency": currency, "state": state}


def _notifications(opened: Opened, operation: Operation) -> Iterator[dict[str, Any]]:
    """The SMS with the outcome, and the webhooks about the operation."""
    store = opened.core.store
    if operation.notification is not None and SMS.kind in opened.finder.contracts:
        holder = fingerprints(store).holder(fingerprint(SMS.kind, {"about": operation.id}))
        document = store.get(OPERATIONS, holder) if holder else None
        state = document["status"] if document else "not sent yet"
        yield {"what": "sms", "to": mask(operation.notification["msisdn"]), "state": state, "id": holder}
    if WEBHOOK.kind in opened.finder.contracts:
        about = {"counterparty": operation.id}
        for delivery in reversed(opened.finder.newest((WEBHOOK.kind,), about, MAX_DELIVERIES)):
            request, attempts = WEBHOOK.read(delivery), delivery.step(DELIVER_STEP).attempts
            state = f"{delivery.status}, attempts: {attempts}"
            yield {"what": request.type, "to": request.endpoint, "state": state, "id": delivery.id}


def _masked(text: str) -> str:
    return _PHONE.sub(lambda found: mask(found[0]), text)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
