"""The only door in: deduplicate, insert, ring. What it returns is durable and will be settled."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.broker.port import Broker
from core.clock import Clock, from_text, to_text
from core.errors import AlreadyOpen, Conflict, Duplicate, IdempotencyKeyReused, StoreUnavailable
from core.ids import new_id
from core.operation import Operation, Status, fingerprint
from core.store.port import IDEMPOTENCY_KEYS, OPERATIONS, Document, Store

TRIES = 5
"""Each but the first needs another operation to end in the microseconds between two looks."""


@dataclass(frozen=True)
class Order:
    """What a client asks for. `request` is validated and canonical JSON: equal requests are equal objects.

    asked: what the client wrote, to which an idempotency key is bound; None: the request as it is.
    unique: what no two operations of the kind share while they live or have succeeded; None: the request.
    repeatable: any number of them may be alike.
    same_within_s: without an idempotency key, the client's same request again so soon after is the same operation.
    opens: the operation waits for its owner until he hands it over.
    tell: whom to tell how it ended, see `core.outcomes`.
    """

    kind: str
    request: Mapping[str, Any]
    client: str
    _: KW_ONLY
    subject: str | None = None
    counterpart: str | None = None
    idempotency_key: str | None = None
    trace: str | None = None
    asked: Mapping[str, Any] | None = None
    unique: Mapping[str, Any] | None = None
    repeatable: bool = False
    same_within_s: float | None = None
    opens: bool = False
    tell: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Accepted:
    operation: Operation
    replayed: bool
    """True when this very request had been accepted before; the operation is that one."""


def accept(store: Store, broker: Broker, clock: Clock, order: Order, ids: Callable[[], str] = new_id) -> Accepted:
    """Makes the order an operation, once, and rings for a worker.

    The same request while an operation of it is live or succeeded, or the same idempotency key at any time, answers the
    operation that is there. Raises IdempotencyKeyReused, StoreUnavailable, and for an order that opens AlreadyOpen.
    """
    operation = _new_operation(order, broker, clock.now(), ids())
    key = _remember_key(store, order, operation) if order.idempotency_key or order.same_within_s else None
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
            if known is None:
                continue  # It ended and released its fingerprint between our two looks: there is room for ours now.
            if order.opens and known["id"] != operation.id:
                raise AlreadyOpen(known["id"]) from None
            if key is not None:
                known = _point_key(store, key, known)
            return Accepted(Operation.from_document(known), replayed=True)
        if not order.opens:
            broker.ring(operation.kind, operation.id)
        return Accepted(replace(operation, version=version), replayed=False)
    raise StoreUnavailable(reason="it says that the request is there, and does not find it")


def known(store: Store, clock: Clock, order: Order) -> Accepted | None:
    """What `accept` would answer by the order's key, before it is asked: nothing is stored.

    Raises IdempotencyKeyReused, StoreUnavailable.
    """
    if not (order.idempotency_key or order.same_within_s):
        return None
    digest, asked = _digests(order)
    key = store.get(IDEMPOTENCY_KEYS, digest)
    if key is None or _is_over(key, order, clock.now()):
        return None
    if key["fingerprint"] != asked:
        raise IdempotencyKeyReused(key=order.idempotency_key)
    document = store.get(OPERATIONS, key["operation"])
    return Accepted(Operation.from_document(document), replayed=True) if document else None


def hand_over(
    store: Store, broker: Broker, clock: Clock, operation: Operation, request: Mapping[str, Any]
) -> Operation:
    """The open operation that its owner has ended: from now on workers settle it. One write, so nothing can be lost.

    request: as it is in the end. Raises Conflict when the operation has changed since it was read, StoreUnavailable.
    """
    now = clock.now()
    ended = replace(
        operation.moved(Status.ACCEPTED, now), request=request, fingerprint=None, due_at=_due_at(broker, now)
    )
    version = store.replace(OPERATIONS, ended.to_document())["version"]
    broker.ring(operation.kind, operation.id)
    return replace(ended, version=version)


def _new_operation(order: Order, broker: Broker, now: datetime, id: str) -> Operation:
    unique = order.request if order.unique is None else order.unique
    operation = Operation(
        id=id,
        kind=order.kind,
        request=order.request,
        subject=order.subject,
        counterpart=order.counterpart,
        client=order.client,
        idempotency_key=order.idempotency_key,
        fingerprint=None if order.repeatable else fingerprint(order.kind, unique),
        status=Status.OPEN if order.opens else Status.ACCEPTED,
        due_at=None if order.opens else _due_at(broker, now),
        created_at=now,
        updated_at=now,
        trace=order.trace,
        tell=order.tell,
    )
    if order.opens:
        return operation.noted(now, "opened", "it waits for its end")
    return operation.noted(now, "accepted", "the request is stored and will be processed")


def _due_at(broker: Broker, now: datetime) -> datetime:
    """When the sweeper has to look: the ring comes first, where there is anybody to carry it."""
    return now + timedelta(seconds=broker.delivery_s if broker.connected() else 0)


def _known(store: Store, operation: Operation, field: str) -> Document | None:
    if field == "id":
        return store.get(OPERATIONS, operation.id)
    return store.get_by(OPERATIONS, field, operation.fingerprint)


def _remember_key(store: Store, order: Order, operation: Operation) -> Document:
    """The key's document: which operation it stands for. Written before the operation, so that it cannot be lost."""
    digest, asked = _digests(order)
    mine: Document = {
        "id": digest,
        "fingerprint": asked,
        "operation": operation.id,
        "created_at": to_text(operation.created_at),
    }
    key = store.get(IDEMPOTENCY_KEYS, digest)
    try:
        if key is None:
            key = store.insert(IDEMPOTENCY_KEYS, mine)
        elif _is_over(key, order, operation.created_at):
            key = store.replace(IDEMPOTENCY_KEYS, {**mine, "version": key["version"]})
    except (Duplicate, Conflict):
        key = store.get(IDEMPOTENCY_KEYS, digest) or mine
    if key["fingerprint"] != asked:
        raise IdempotencyKeyReused(key=order.idempotency_key)
    return key


def _digests(order: Order) -> tuple[str, str]:
    """The id of the order's key, and that of what was asked under it.

    A request without a key is its own key, for as long as the order says. No key of a client begins with a newline.
    """
    asked = fingerprint(order.kind, order.request if order.asked is None else order.asked)
    name = order.idempotency_key or f"\n{asked}"
    return hashlib.sha256(f"{order.client}\n{name}".encode()).hexdigest(), asked


def _is_over(key: Document, order: Order, now: datetime) -> bool:
    if order.idempotency_key:
        return False
    return now - from_text(key["created_at"]) >= timedelta(seconds=order.same_within_s or 0)


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
