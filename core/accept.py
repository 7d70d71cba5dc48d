"""The only door in: deduplicate, insert, ring. What it returns is durable and will be settled."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.broker.port import Broker
from core.clock import Clock, to_text
from core.errors import Conflict, Duplicate, IdempotencyKeyReused, StoreUnavailable
from core.ids import new_id
from core.operation import Operation, fingerprint
from core.store.port import IDEMPOTENCY_KEYS, OPERATIONS, Document, Store

TRIES = 5
"""Each but the first needs another operation to end in the microseconds between two looks."""


@dataclass(frozen=True)
class Order:
    """What a client asks for. `request` is validated and canonical JSON: equal requests are equal objects."""

    kind: str
    request: Mapping[str, Any]
    client: str
    subject: str | None = None
    idempotency_key: str | None = None
    trace: str | None = None


@dataclass(frozen=True)
class Accepted:
    operation: Operation
    replayed: bool
    """True when this very request had been accepted before; the operation is that one."""


def accept(store: Store, broker: Broker, clock: Clock, order: Order, ids: Callable[[], str] = new_id) -> Accepted:
    """Makes the order an operation, once, and rings for a worker.

    The same request while an operation of it is live or succeeded, or the same idempotency key at any time, answers the
    operation that is there. Raises IdempotencyKeyReused, StoreUnavailable.
    """
    heard_within_s = broker.delivery_s if broker.connected() else 0  # else nobody need wait for a ring
    operation = _new_operation(order, clock, heard_within_s, ids())
    key = _remember_key(store, order, operation) if order.idempotency_key else None
    if key is not None:
        known = store.get(OPERATIONS, key["operation"])
        if known is not None:
            return Accepted(Operation.from_document(known), replayed=True)
        operation = replace(operation, id=key["operation"])
    for _ in range(TRIES):
        try:
            version = store.insert(OPERATIONS, operation.to_document())["version"]
        except Duplicate as duplicate:
            known = _known(store, operation, duplicate.field)
            if (
                known is None
            ):  # It failed and released its fingerprint between our two looks: there is room for ours now.
                continue
            if key is not None:
                known = _point_key(store, key, known)
            return Accepted(Operation.from_document(known), replayed=True)
        broker.ring(operation.kind, operation.id)
        return Accepted(replace(operation, version=version), replayed=False)
    raise StoreUnavailable(reason="it says that the request is there, and does not find it")


def _new_operation(order: Order, clock: Clock, heard_within_s: float, id: str) -> Operation:
    now = clock.now()
    operation = Operation(
        id=id,
        kind=order.kind,
        request=order.request,
        subject=order.subject,
        client=order.client,
        idempotency_key=order.idempotency_key,
        fingerprint=fingerprint(order.kind, order.request),
        due_at=now
        + timedelta(seconds=heard_within_s),  # the ring comes first; only if it is not heard does the sweeper look
        created_at=now,
        updated_at=now,
        trace=order.trace,
    )
    return operation.noted(now, "accepted", "the request is stored and will be processed")


def _known(store: Store, operation: Operation, field: str) -> Document | None:
    if field == "id":
        return store.get(OPERATIONS, operation.id)
    return store.get_by(OPERATIONS, field, operation.fingerprint)


def _remember_key(store: Store, order: Order, operation: Operation) -> Document:
    """The key's document: which operation it stands for. Written before the operation, so that it cannot be lost."""
    digest = hashlib.sha256(f"{order.client}\n{order.idempotency_key}".encode()).hexdigest()
    mine = {
        "id": digest,
        "fingerprint": operation.fingerprint,
        "operation": operation.id,
        "created_at": to_text(operation.created_at),
    }
    key = store.get(IDEMPOTENCY_KEYS, digest)
    if key is None:
        try:
            key = store.insert(IDEMPOTENCY_KEYS, mine)
        except Duplicate:
            key = store.get(IDEMPOTENCY_KEYS, digest) or mine
    if key["fingerprint"] != operation.fingerprint:
        raise IdempotencyKeyReused(key=order.idempotency_key)
    return key


def _point_key(store: Store, key: Document, known: Document) -> Document:
    """Has the key stand for the operation that is there, and returns the one that it stands for in the end."""
    named = store.get(OPERATIONS, key["operation"])
    if named is not None:
        return named
    try:
        store.replace(IDEMPOTENCY_KEYS, {**key, "operation": known["id"]})
    except Conflict:
        # Another request with this key was faster: both must tell the same operation.
        latest = store.get(IDEMPOTENCY_KEYS, key["id"]) or key
        return store.get(OPERATIONS, latest["operation"]) or known
    return known
