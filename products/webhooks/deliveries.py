"""Deliveries of webhooks: what was sent where, what was answered, and sending it again. `/v1/webhooks/deliveries`."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import fields, validate

from api.auth.access import scoped
from api.auth.callers import client, owner, seen_by_caller
from api.http.answers import ACCEPTED_HEADERS, ENDED, STATUS_HEADERS, answer_accepted, answer_status, load
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, UNCHANGED, Routes
from api.http.context import core
from api.http.fields import Moment, Text, read_moment
from api.http.paging import PageQuery, list_view, read_page
from core.bootstrap import Core
from core.errors import NotFound
from core.operation import TERMINAL, Operation, Status
from core.store.port import OPERATIONS, Condition, OneOf
from products.webhooks.contract import DID_NOT_HAPPEN, WEBHOOK, redelivery, resending
from products.webhooks.endpoints import Endpoints
from products.webhooks.rights import SCOPE, SCOPE_ALL
from products.webhooks.shown import (
    DELIVERED,
    FAILED,
    PENDING,
    DeliveryView,
    DeliveryWithAttempts,
    delivery_url,
    delivery_view,
    delivery_with_attempts,
)

LOOKS = 5
"""How many pages of deliveries are looked at for one page of a type."""
RECOVERED_AT_ONCE = 1000
"""How many failed deliveries one request to recover looks at."""
RECOVERY_PAGE = 100
CONDITIONS: dict[str, Condition] = {
    PENDING: OneOf(tuple(status.value for status in Status if status not in TERMINAL)),
    DELIVERED: Status.SUCCEEDED.value,
    FAILED: Status.FAILED.value,
}

blueprint = Routes(
    "webhook_deliveries",
    __name__,
    url_prefix="/v1/webhooks/deliveries",
    description="Events that were sent, and what was answered",
    bodyless=("webhook_deliveries.Resending",),
)


class DeliveryNotFound(NotFound):
    """There is no delivery with this id, or it is somebody else's."""

    code = "delivery_not_found"


class DeliveriesQuery(PageQuery):
    endpoint = fields.UUID(load_default=None)
    operation = fields.UUID(load_default=None, metadata={"description": "what it is about"})
    state = fields.String(load_default=None, validate=validate.OneOf(list(CONDITIONS)))
    type = Text(load_default=None, validate=validate.Length(1, 100), metadata={"example": "payment.failed"})
    since = Moment(load_default=None)


DeliveriesView = list_view("DeliveriesView", deliveries=DeliveryView)


@blueprint.route("")
class Deliveries(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(DeliveriesQuery(), location="query")
    @blueprint.response(200, DeliveriesView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List deliveries, newest first. A page of one type may be short, and still have a `next_cursor`."""
        since = read_moment(query["since"]) if query["since"] else None
        wanted = {
            "subject": str(query["endpoint"]) if query["endpoint"] else None,
            "counterparty": str(query["operation"]) if query["operation"] else None,
            "client": owner(SCOPE_ALL),
            "status": CONDITIONS[query["state"]] if query["state"] else None,
        }
        where = {name: value for name, value in wanted.items() if value is not None}

        def find(limit: int, after: str | None) -> Sequence[Operation]:
            return found(core(), where, since, limit, after)

        is_seen = _seen()

        def keep(operation: Operation) -> bool:
            return is_seen(operation) and query["type"] in (None, WEBHOOK.read(operation).type)

        page, next_cursor = read_page(query, find, lambda operation: operation.id, keep, LOOKS)
        return jsonify(deliveries=list(map(delivery_view, page)), next_cursor=next_cursor)


@blueprint.route("/<id>")
class Delivery(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, DeliveryWithAttempts, headers=STATUS_HEADERS)
    @blueprint.alt_response(304, description=UNCHANGED)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, id: str) -> Response:
        """Show a delivery with its attempts: when and how long. What was answered is for the endpoint's owner."""
        keep, me = _seen(), client()

        def view(operation: Operation) -> dict[str, Any]:
            return delivery_with_attempts(operation, operation.client == me)

        return answer_status(WEBHOOK.kind, id, view, DeliveryNotFound, keep=keep)


@blueprint.route("/<id>/resend")
class Resending(MethodView):
    @scoped(SCOPE)
    @blueprint.response(202, DeliveryView, headers=ACCEPTED_HEADERS)
    @blueprint.alt_response(200, schema=DeliveryView, description=ENDED)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY, PREFER])
    def post(self, id: str) -> Response:
        """Send a message again, under the same `webhook-id` and in the same words. It is another delivery."""
        me, is_seen = client(), _seen()
        sent = load(WEBHOOK.kind, id, DeliveryNotFound, lambda delivery: delivery.client == me and is_seen(delivery))
        core().of(Endpoints).require_on(WEBHOOK.read(sent).endpoint)
        return answer_accepted(resending(sent), delivery_view, delivery_url)


def _seen() -> Callable[[Operation], bool]:
    """Whether the caller may see a delivery: its own, and of events of everybody only with the right to all of them."""
    is_own, sees_all = seen_by_caller(SCOPE_ALL), owner(SCOPE_ALL) is None
    return lambda delivery: is_own(delivery) and (sees_all or not WEBHOOK.read(delivery).everybody)


def found(
    core: Core, where: Mapping[str, Condition], since: datetime | None, limit: int, after: str | None
) -> list[Operation]:
    """At most so many deliveries that were made since then, newest first. after: the id of the last one before them."""
    conditions = {"kind": WEBHOOK.kind, **where}
    edge = (after, after) if after else None
    documents = core.store.find(OPERATIONS, conditions, order="-id", limit=limit, after=edge)
    read = map(Operation.from_document, documents)
    return [operation for operation in read if since is None or operation.created_at >= since]


def recover(
    core: Core, endpoint: str, since: datetime, dry_run: bool, after: str | None = None
) -> tuple[int, int, str | None]:
    """Delivers again what failed since then and no other delivery has brought, or is about to.

    Looks at RECOVERED_AT_ONCE failed deliveries at most, whatever is to be done with them.

    dry_run: count only; after: the delivery that the call before looked at last.
    Returns how many messages failed, how many of them are sent again, and the delivery that was looked at last; None
    if there are no more.
    """
    failed: set[tuple[str, str | None]] = set()
    looked, resent, where = 0, 0, {"subject": endpoint, "status": CONDITIONS[FAILED]}
    while looked < RECOVERED_AT_ONCE:
        page = found(core, where, since, RECOVERY_PAGE, after)
        for operation in page:
            time.sleep(0)  # lets other requests of this process go on
            request = WEBHOOK.read(operation)
            message = (request.message, request.url)
            never = request.about is None or (operation.error or {}).get("code") == DID_NOT_HAPPEN
            if never or message in failed or core.is_accepted(redelivery(operation)):
                continue
            failed.add(message)
            resent += not (dry_run or core.accept(redelivery(operation)).replayed)
        if len(page) < RECOVERY_PAGE:
            return len(failed), resent, None
        looked, after = looked + len(page), page[-1].id
    return len(failed), resent, after
