"""Consultations: opened by `/start`, ended by `/end`, and from then on charged, whatever happens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import client, scoped
from api.errors import Problem, invalid
from api.fields import Moment, read_moment
from api.headers import idempotency_key, traceparent
from api.operations import ListQuery, OperationView, answer_page, answer_status, base_view, load
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from core.accept import Order, accept, hand_over
from core.bootstrap import Core
from core.clock import to_text
from core.errors import AlreadyOpen, Conflict
from core.money import read_price, to_number
from core.operation import Operation, Status

KIND = "consultation"
SCOPE = "consultations"
SECURED = {"security": BEARER, "x-scope": SCOPE}
LONGEST = timedelta(hours=24)
TRIES = 5
"""Each but the first needs somebody else to end the same consultation between two looks."""

blueprint = Product("consultations", __name__, description="Consultations that are always charged")


PERSON = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}(?![\s\S])")


class StartRequest(Schema):
    physician_id = fields.String(required=True, validate=PERSON)
    patient_id = fields.String(required=True, validate=PERSON)
    start_date = Moment(load_default=None, allow_none=True)


class EndRequest(Schema):
    id = fields.String(required=True, validate=validate.Length(1, 64))
    end_date = Moment(load_default=None, allow_none=True)


class ConsultationView(Schema):
    id = fields.UUID()
    start_date = fields.String()
    end_date = fields.String(allow_none=True)
    physician_id = fields.String()
    patient_id = fields.String()
    price = fields.Float(allow_none=True)


class ChargeView(OperationView):
    class Meta:
        exclude = ("id",)

    appointment_id = fields.UUID()
    total_price = fields.Float()
    currency = fields.String()


class ConsultationsView(Schema):
    consultations = fields.List(fields.Nested(ConsultationView))
    next_cursor = fields.String(allow_none=True)


class ChargesView(Schema):
    charges = fields.List(fields.Nested(ChargeView))
    next_cursor = fields.String(allow_none=True)


class ConsultationsQuery(ListQuery):
    physician_id = fields.String(load_default=None, validate=PERSON)
    patient_id = fields.String(load_default=None, validate=PERSON)


@blueprint.route("/start")
class Start(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(StartRequest())
    @blueprint.response(201, ConsultationView)
    @blueprint.doc(parameters=[IDEMPOTENCY_KEY], **SECURED)
    def post(self, asked: dict[str, Any]) -> Response:
        """Open a consultation. A physician is in one at a time."""
        core: Core = current_app.extensions["core"]
        physician, patient = asked["physician_id"], asked["patient_id"]
        started = asked["start_date"] or told(core.clock.now().replace(microsecond=0))
        rate, currency = read_price(core.settings.consultation_rate)
        order = Order(
            KIND,
            {"start_date": started, "end_date": None, "rate": rate, "currency": currency, "price": None},
            client(),
            subject=physician,
            counterpart=patient,
            idempotency_key=idempotency_key(request),
            trace=traceparent(request),
            asked=asked,
            unique={"open": physician},
            opens=True,
        )
        try:
            opened = accept(core.store, core.broker, core.clock, order)
        except AlreadyOpen as error:
            detail = f"This physician is in consultation {error.operation}, which has to end first."
            raise Problem(409, "physician_busy", detail) from None
        response = jsonify(_view(opened.operation))
        response.status_code = 201
        response.headers["Location"] = url_for("consultations.Consultation", id=opened.operation.id)
        if opened.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


@blueprint.route("/end")
class End(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(EndRequest())
    @blueprint.response(202, ConsultationView)
    @blueprint.doc(**SECURED)
    def post(self, asked: dict[str, Any]) -> Response:
        """End a consultation. From then on it is charged; the same end again is the same answer."""
        core: Core = current_app.extensions["core"]
        for _ in range(TRIES):
            operation = load(KIND, asked["id"], _missing())
            try:
                if operation.status is Status.OPEN:
                    ended = _ended(operation.request, asked["end_date"], core.clock.now())
                    operation = hand_over(core.store, core.broker, core.clock, operation, ended)
            except Conflict:
                continue
            break
        end_date, given = operation.request["end_date"], asked["end_date"]
        if given is not None and read_moment(given) != read_moment(end_date):
            raise Problem(409, "already_ended", f"This consultation has ended at {end_date}.")
        response = jsonify(_view(operation))
        response.status_code = 202
        response.headers["Location"] = url_for("consultations.Charge", appointment_id=operation.id)
        return response


@blueprint.route("/consultations")
class Consultations(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(ConsultationsQuery(), location="query")
    @blueprint.response(200, ConsultationsView)
    @blueprint.doc(**SECURED)
    def get(self, query: dict[str, Any]) -> Response:
        """List consultations, newest first."""
        where = {"subject": query["physician_id"], "counterpart": query["patient_id"]}
        return answer_page(KIND, query, where, "consultations", _view)


@blueprint.route("/consultations/<id>")
class Consultation(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, ConsultationView)
    @blueprint.doc(**SECURED)
    def get(self, id: str) -> Response:
        """Tell a consultation."""
        return jsonify(_view(load(KIND, id, _missing())))


@blueprint.route("/charges")
class Charges(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, ChargesView)
    @blueprint.doc(**SECURED)
    def get(self, query: dict[str, Any]) -> Response:
        """List the charges of consultations that have ended, newest first."""
        return answer_page(KIND, query, {}, "charges", _charge_view, keep=_has_ended)


@blueprint.route("/charges/<appointment_id>")
class Charge(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, ChargeView)
    @blueprint.doc(parameters=[PREFER, IF_NONE_MATCH], **SECURED)
    def get(self, appointment_id: str) -> Response:
        """Tell what a consultation costs, and how its charge stands."""
        missing = Problem(404, "charge_not_found", "There is no ended consultation with this id.")
        return answer_status(KIND, appointment_id, _charge_view, missing, keep=_has_ended)


def told(moment: datetime) -> str:
    """A time that we set ourselves, as clients read it."""
    return to_text(moment) if moment.microsecond else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def price_of(rate: int, seconds: int) -> int:
    """Minor units for so many seconds at a rate of minor units an hour, half up."""
    return int((Decimal(rate) * seconds / 3600).quantize(Decimal(1), ROUND_HALF_UP))


def _ended(asked: Mapping[str, Any], given: str | None, now: datetime) -> dict[str, Any]:
    """The request of a consultation that ends then, priced. Raises Problem 422."""
    started = read_moment(asked["start_date"])
    # Of an end that we set ourselves it is certain that it comes after the start, whatever the clocks say.
    ended = read_moment(given) if given else max(now.replace(microsecond=0), started)
    end_date, took = given or told(ended), ended - started
    if took < timedelta(0):
        raise invalid("end_date", "Before the start.")
    if took > LONGEST:
        raise invalid("end_date", "More than 24 hours after the start.")
    return {**asked, "end_date": end_date, "price": price_of(asked["rate"], int(took.total_seconds()))}


def _missing() -> Problem:
    return Problem(404, "consultation_not_found", "There is no consultation with this id.")


def _has_ended(operation: Operation) -> bool:
    return operation.status is not Status.OPEN


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    return {
        "id": operation.id,
        "start_date": asked["start_date"],
        "end_date": asked["end_date"],
        "physician_id": operation.subject,
        "patient_id": operation.counterpart,
        "price": None if asked["price"] is None else to_number(asked["price"], asked["currency"]),
    }


def _charge_view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    url = url_for("consultations.Charge", appointment_id=operation.id, _external=bool(request.host))
    view = base_view(operation, url)
    return {
        "appointment_id": view.pop("id"),
        "total_price": to_number(asked["price"], asked["currency"]),
        "currency": asked["currency"],
        **view,
    }
