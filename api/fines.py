"""Paying fines by mobile money: `/amendes/payments/`."""

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import client, operator_only
from api.errors import Problem
from api.fields import Phone
from api.fines_request import PaymentRequest
from api.headers import idempotency_key, traceparent, wait_s
from api.paging import PageQuery, cursor_after
from api.product import IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from core.accept import Order, accept
from core.bootstrap import Core
from core.clock import to_text
from core.ids import is_id
from core.money import to_number
from core.operation import Operation, Status, StepState
from core.phone import mask

KIND = "fine_payment"
RETRY_AFTER_S = 2

blueprint = Product("fines", __name__, url_prefix="/amendes/payments", description="Fines paid by mobile money")


class FineView(Schema):
    id = fields.String()
    amount = fields.Float()
    status = fields.String(validate=validate.OneOf(["pending", "paid", "refused", "refunded", "unpaid"]))
    reason = fields.String(allow_none=True)


class TimelineEntry(Schema):
    at = fields.DateTime()
    event = fields.String()
    step = fields.String(allow_none=True)
    text = fields.String()


class Reason(Schema):
    code = fields.String(metadata={"description": "stable, see docs/errors.md"})
    step = fields.String()
    claimed = fields.String(metadata={"description": "fine_already_claimed: the fine"})
    by = fields.String(metadata={"description": "fine_already_claimed: the id of the other payment"})


class PaymentView(Schema):
    id = fields.UUID()
    status = fields.Enum(Status, by_value=True)
    amount = fields.Float()
    currency = fields.String()
    refunded = fields.Float(metadata={"description": "how much of the amount was given back"})
    msisdn = fields.String(metadata={"description": "masked"})
    amendes = fields.List(fields.Nested(FineView))
    reason = fields.Nested(Reason, allow_none=True)
    timeline = fields.List(fields.Nested(TimelineEntry))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    status_url = fields.URL()


class PageView(Schema):
    payments = fields.List(fields.Nested(PaymentView))
    next_cursor = fields.String(allow_none=True)


class ListQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in Status]))
    msisdn = Phone(load_default=None)


ACCEPTED = {
    "Location": {"description": "where to follow it", "schema": {"type": "string", "format": "uri"}},
    "Retry-After": {"description": "seconds until asking makes sense", "schema": {"type": "integer"}},
    "Idempotency-Replayed": {
        "description": "true: accepted before, this is that payment",
        "schema": {"type": "string"},
    },
}


@blueprint.route("")
class Payments(MethodView):
    @blueprint.arguments(PaymentRequest())
    @blueprint.response(202, PaymentView, description="Accepted: durable, and settled exactly once", headers=ACCEPTED)
    @blueprint.doc(parameters=[IDEMPOTENCY_KEY])
    def post(self, canonical: dict[str, Any]) -> Response:
        """Pay fines.

        The same again answers the same payment (`Idempotency-Replayed: true`), until it failed or was refunded.
        """
        core: Core = current_app.extensions["core"]
        order = Order(
            kind=KIND,
            request=canonical,
            client=client(),
            subject=canonical["msisdn"],
            idempotency_key=idempotency_key(request),
            trace=traceparent(request),
        )
        accepted = accept(core.store, core.broker, core.clock, order)
        view = _view(accepted.operation)
        response = jsonify(view)
        response.status_code = 202
        response.headers["Location"] = view["status_url"]
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        if accepted.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    @operator_only
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, PageView)
    @blueprint.doc(security=[{"operator": []}])
    def get(self, query: dict[str, Any]) -> Response:
        """List payments, newest first."""
        core: Core = current_app.extensions["core"]
        asked = {"status": query["status"], "subject": query["msisdn"]}
        where = {"kind": KIND, **{name: value for name, value in asked.items() if value is not None}}
        after = (query["cursor"], query["cursor"]) if query["cursor"] else None
        documents = core.store.find("operations", where, order="-id", limit=query["limit"] + 1, after=after)
        page = [Operation.from_document(document) for document in documents[: query["limit"]]]
        more = len(documents) > len(page)
        return jsonify(payments=[_view(item) for item in page], next_cursor=cursor_after(page[-1].id) if more else None)


@blueprint.route("/<payment_id>")
class Payment(MethodView):
    @blueprint.response(200, PaymentView, headers={"ETag": {"schema": {"type": "string"}}})
    @blueprint.doc(parameters=[PREFER, IF_NONE_MATCH])
    def get(self, payment_id: str) -> Response:
        """Tell how a payment stands. Has an ETag; `Prefer: wait=N` holds the answer for news, at most 30 seconds."""

        def load() -> Operation:
            return _load(payment_id)

        seconds = wait_s(request)
        operation = load()
        if seconds and not operation.terminal:
            seen = operation.version if request.if_none_match.contains_weak(_etag(operation)) else None
            if seen is not None or not request.if_none_match:
                operation = current_app.extensions["waiting"].wait(load, seconds, seen)
        response = jsonify(_view(operation))
        response.set_etag(_etag(operation))
        response.headers["Cache-Control"] = "no-cache"
        if seconds:
            response.headers["Preference-Applied"] = f"wait={seconds}"
        if not operation.terminal:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        response.make_conditional(request)
        return response


def _load(payment_id: str) -> Operation:
    core: Core = current_app.extensions["core"]
    document = core.store.get("operations", payment_id) if is_id(payment_id) else None
    if document is None or document["kind"] != KIND:
        raise Problem(404, "payment_not_found", "There is no payment with this id.")
    return Operation.from_document(document)


def _etag(operation: Operation) -> str:
    return f"v{operation.version}"


def _url(operation: Operation) -> str:
    # Of a host that is no DNS name, such as one with an underscore, nothing is known here: then without it.
    return url_for("fines.Payment", payment_id=operation.id, _external=bool(request.host))


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    currency = asked["currency"]
    fines = [
        {**fine, "amount": to_number(fine["amount"], currency), **_fine_status(operation, fine["id"])}
        for fine in asked["amendes"]
    ]
    refunded = 0
    if operation.step("refund").state is StepState.DONE:
        refunded = asked["amount"] - sum(f["amount"] for f in asked["amendes"] if _settled(operation, f["id"]))
    return {
        "id": operation.id,
        "status": operation.status.value,
        "amount": to_number(asked["amount"], currency),
        "currency": currency,
        "refunded": to_number(refunded, currency),
        "msisdn": mask(asked["msisdn"]),
        "amendes": fines,
        "reason": operation.error,
        "timeline": [
            {"at": to_text(entry.at), "event": entry.event, "step": entry.step, "text": entry.text}
            for entry in operation.history
        ],
        "created_at": to_text(operation.created_at),
        "updated_at": to_text(operation.updated_at),
        "status_url": _url(operation),
    }


def _settled(operation: Operation, fine: str) -> bool:
    return operation.step(f"settle:{fine}").state is StepState.DONE


def _fine_status(operation: Operation, fine: str) -> dict[str, str | None]:
    settlement = operation.step(f"settle:{fine}")
    if settlement.state is StepState.DONE:
        return {"status": "paid", "reason": None}
    if settlement.state is StepState.DECLINED:
        given_back = operation.step("refund").state is StepState.DONE
        return {"status": "refunded" if given_back else "refused", "reason": settlement.last_error}
    return {"status": "unpaid" if operation.status is Status.FAILED else "pending", "reason": None}
