"""Accepts operations: deduplicates, inserts, rings. An accepted operation is durable and will be settled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from core import operation_names
from core.broker.port import Broker
from core.clock import Clock
from core.errors import Duplicate
from core.idempotency import Key
from core.ids import new_id
from core.operation import Entry, Operation, Status, fingerprint
from core.prompts import Prompt, Prompts
from core.repeated import Repeated, fingerprints
from core.store.port import OPERATIONS, Store

OPENED = "opened", "it is open until its owner closes it"
ACCEPTED = "accepted", "the request is stored and will be processed"
"""The first entry of a timeline."""


@dataclass(frozen=True)
class Command:
    """What a client asks for: one operation of a kind.

    kind: the kind of operation.
    request: validated and canonical JSON; equal requests are equal objects.
    client: the owner of the idempotency keys.
    subject: whom lists find the operation by, such as a phone in E.164.
    counterparty: the other party that lists find it by.
    idempotency_key: the client's own key, if it sent one.
    trace: W3C traceparent of the caller.
    payload: what the client wrote, to which an idempotency key is bound; None: the request itself.
    unique: what no two operations of the kind share while they live or have succeeded; None: the request.
    repeatable: any number of operations may be alike.
    same_within_s: without an idempotency key, the client's same request within this time is the same operation.
    opens: the operation waits for its owner, who closes it with `close`.
    notification: whom to notify of the outcome, see `core.notices.outcome`.
    receivers: who else is notified once it has succeeded, see `core.notices.outcome`.
    operator: the mobile-money operator that moves the money, see `Core.route`.
    report_to: where the client wants to be told of this operation, see `core.operation`.
    prompt: the approval that it asks a phone for, where that is limited.
    names: what it can be found by besides, see `core.operation_names`.
    """

    kind: str
    request: Mapping[str, Any]
    client: str
    _: KW_ONLY
    subject: str | None = None
    counterparty: str | None = None
    idempotency_key: str | None = None
    trace: str | None = None
    payload: Mapping[str, Any] | None = None
    unique: Mapping[str, Any] | None = None
    repeatable: bool = False
    same_within_s: float | None = None
    opens: bool = False
    notification: Mapping[str, Any] | None = None
    receivers: Sequence[Mapping[str, Any]] = ()
    operator: str | None = None
    report_to: Mapping[str, Any] | None = None
    prompt: Prompt | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accepted:
    operation: Operation
    replayed: bool
    """True when this very request had been accepted before; the operation is that one."""


def accept(store: Store, broker: Broker, clock: Clock, command: Command, ids: Callable[[], str] = new_id) -> Accepted:
    """Makes the command an operation, once, and rings for a worker.

    The same request while an operation of it is live or succeeded, or the same idempotency key at any time, returns the
    operation that is there. Raises IdempotencyKeyReused, StoreUnavailable, for a command that opens AlreadyOpen, and
    for a new one that prompts TooManyPrompts.
    """
    if command.prompt is None or is_accepted(store, clock, command):
        return _accept(store, broker, clock, command, ids)
    id, request, prompts = ids(), _request_of(command) or ids(), Prompts(store, clock)
    prompts.take(command.prompt, request, id)
    first: Iterator[str] = chain((id,), iter(ids, ""))
    accepted = _accept(store, broker, clock, command, first.__next__)
    if accepted.operation.id != id:
        prompts.settle(command.prompt, request, accepted.operation.id)
    return accepted


def _accept(store: Store, broker: Broker, clock: Clock, command: Command, ids: Callable[[], str]) -> Accepted:
    operation, key = _new_operation(command, broker, clock.now(), ids()), _key(command)
    # What names the operation is stored before it, so that neither a key nor a fingerprint is ever lost.
    claims = [key.claim(operation.id, operation.created_at)] if key else []
    if operation.fingerprint is not None:
        claims.append(fingerprints(store).new(operation.fingerprint, operation.id))
    names = _names_of(command)
    try:
        store.insert_all(
            *claims, *operation_names.documents(operation.id, names), (OPERATIONS, operation.to_document())
        )
        accepted = Accepted(replace(operation, version=1), replayed=False)
    except Duplicate:
        document, is_new = Repeated(
            store, operation, key, command.opens and not command.repeatable, ids, names
        ).accept()
        accepted = Accepted(Operation.from_document(document), replayed=not is_new)
    if not accepted.replayed and not command.opens:
        broker.ring(operation.kind, accepted.operation.id)
    return accepted


def find_replay(store: Store, clock: Clock, command: Command) -> Accepted | None:
    """What `accept` would return by the command's key. Stores nothing.

    Raises IdempotencyKeyReused, StoreUnavailable.
    """
    key = _key(command)
    taken = key.find(store, clock.now()) if key else None
    document = store.get(OPERATIONS, taken["holder"]) if taken else None
    return Accepted(Operation.from_document(document), replayed=True) if document else None


def close(store: Store, broker: Broker, clock: Clock, operation: Operation, request: Mapping[str, Any]) -> Operation:
    """Closes an open operation: from now on workers settle it. One write, so nothing can be lost.

    request: the final request. Raises Conflict when the operation has changed since it was read, StoreUnavailable.
    """
    now = clock.now()
    ended = replace(
        operation.moved(Status.ACCEPTED, now), request=request, fingerprint=None, due_at=_due_at(broker, now)
    )
    version = store.replace(OPERATIONS, ended.to_document())["version"]
    broker.ring(operation.kind, operation.id)
    return replace(ended, version=version)


def _new_operation(command: Command, broker: Broker, now: datetime, id: str) -> Operation:
    event, text = OPENED if command.opens else ACCEPTED
    return Operation(
        id=id,
        kind=command.kind,
        request=command.request,
        subject=command.subject,
        counterparty=command.counterparty,
        client=command.client,
        idempotency_key=command.idempotency_key,
        fingerprint=None if command.repeatable else fingerprint(command.kind, _unique(command)),
        status=Status.OPEN if command.opens else Status.ACCEPTED,
        due_at=None if command.opens else _due_at(broker, now),
        created_at=now,
        updated_at=now,
        history=(Entry(now, event, text),),
        trace=command.trace,
        notification=command.notification,
        receivers=tuple(command.receivers),
        operator=command.operator,
        report_to=command.report_to,
    )


def is_accepted(store: Store, clock: Clock, command: Command) -> bool:
    """Whether there is an operation of this very request already. Raises IdempotencyKeyReused."""
    if find_replay(store, clock, command) is not None:
        return True
    if command.repeatable:
        return False
    print = fingerprint(command.kind, _unique(command))
    holder = fingerprints(store).holder(print)
    document = store.get(OPERATIONS, holder) if holder else None
    return document is not None and document["fingerprint"] == print


def _request_of(command: Command) -> str | None:
    """What makes two commands the same request; None when nothing does."""
    if not command.repeatable:
        return fingerprint(command.kind, _unique(command))
    key = _key(command)
    return key.id if key else None


def _unique(command: Command) -> Mapping[str, Any]:
    return command.request if command.unique is None else command.unique


def _names_of(command: Command) -> tuple[str, ...]:
    key = command.idempotency_key
    return (*command.names, operation_names.named(operation_names.KEY, key)) if key else command.names


def _due_at(broker: Broker, now: datetime) -> datetime:
    """When the sweeper looks at the operation: after the ring has had its time, if a broker carries it."""
    return now + timedelta(seconds=broker.delivery_s if broker.connected() else 0)


def _key(command: Command) -> Key | None:
    if not (command.idempotency_key or command.same_within_s):
        return None
    payload = command.request if command.payload is None else command.payload
    return Key(command.client, command.kind, payload, command.idempotency_key, command.same_within_s)
