"""Consultations: opened by `/start`, ended by `/end`, and from then on charged, whatever happens."""

from datetime import datetime
from typing import Any

from flask import Response, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, post_load, validate

from api.auth.access import scoped
from api.auth.callers import client, owner, seen_by_caller
from api.http.answers import STATUS_HEADERS, ListQuery, answer_page, answer_status, follow_url, load
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, UNCHANGED, Routes
from api.http.context import core
from api.http.correlation import traceparent
from api.http.examples import ID
from api.http.fields import Moment, SetHere, read_moment
from api.http.headers import idempotency_key
from api.http.money import Money, shown
from api.http.paging import list_view
from api.http.views import OperationView, base_view
from core.accept import Command
from core.clock import to_rfc3339
from core.errors import AlreadyOpen, Clash, Conflict, NotFound
from core.money import read_price
from core.operation import Operation, Status
from products.consultations.contract import CONSULTATION, SCOPE, SCOPE_ALL, ConsultationRequest, ConsultationSettings

SECURED = {"security": BEARER, "x-scope": SCOPE}
MAX_TRIES = 5
"""Retries are needed only if another request ends the same consultation between our read and our write."""

blueprint = Routes(
    "consultations",
    __name__,
    description="Consultations that are always charged",
    kinds=(CONSULTATION.kind,),
    also={
        "/start": "/v1/consultations/start",
        "/end": "/v1/consultations/end",
        "/consultations": "/v1/consultations",
        "/charges": "/v1/charges",
    },
)
BLUEPRINTS = (blueprint,)


class PhysicianBusy(Clash):
    """This physician is in another consultation, which has to end first."""

    code = "physician_busy"

    def __init__(self, consultation: str) -> None:
        """consultation: the id of the other one, which is of the same client."""
        super().__init__(f"This physician is in consultation {consultation}, which has to end first.")


class AlreadyEnded(Clash):
    """This consultation has ended at another time."""

    code = "already_ended"


class ConsultationNotFound(NotFound):
    """There is no consultation with this id."""

    code = "consultation_not_found"


class ChargeNotFound(NotFound):
    """There is no ended consultation with this id."""

    code = "charge_not_found"


PERSON = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}(?![\s\S])")


class StartRequest(Schema):
    """A whole consultation is accepted too, if the members that the API sets are empty in it."""

    physician_id = fields.String(required=True, validate=PERSON)
    patient_id = fields.String(required=True, validate=PERSON)
    start_date = Moment(load_default=None, allow_none=True)
    id = SetHere(allow_none=True)
    end_date = SetHere("POST /end sets it.", allow_none=True)
    price = SetHere(empty=("", 0), allow_none=True)

    @post_load
    def _without_the_empty(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: data[name] for name in ("physician_id", "patient_id", "start_date")}


class EndRequest(Schema):
    id = fields.String(required=True, validate=validate.Length(1, 64))
    end_date = Moment(load_default=None, allow_none=True)


class ConsultationView(Schema):
    id = fields.UUID()
    start_date = fields.DateTime()
    end_date = fields.DateTime(allow_none=True)
    physician_id = fields.String(metadata={"example": "physician-1"})
    patient_id = fields.String(metadata={"example": "patient-1"})
    price = Money(allow_none=True)


class ChargeView(OperationView):
    class Meta:
        exclude = ("id",)

    appointment_id = fields.UUID()
    total_price = Money(metadata={"example": 400})
    currency = fields.String(metadata={"example": "BRL"})


ConsultationsView = list_view("ConsultationsView", consultations=ConsultationView)
ChargesView = list_view("ChargesView", charges=ChargeView)


class ConsultationsQuery(ListQuery):
    physician_id = fields.String(load_default=None, validate=PERSON)
    patient_id = fields.String(load_default=None, validate=PERSON)


@blueprint.route("/start")
class Start(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(StartRequest(), example={"physician_id": "physician-1", "patient_id": "patient-1"})
    @blueprint.response(201, ConsultationView)
    @blueprint.doc(parameters=[IDEMPOTENCY_KEY], **SECURED)
    def post(self, payload: dict[str, Any]) -> Response:
        """Open a consultation. A physician can have one open at a time."""
        physician, patient = payload["physician_id"], payload["patient_id"]
        started = payload["start_date"] or format_time(core().clock.now().replace(microsecond=0))
        rate, currency = read_price(core().settings.of(ConsultationSettings).consultation_rate)
        command = Command(
            CONSULTATION.kind,
            ConsultationRequest(started, end_date=None, rate=rate, currency=currency, price=None).to_json(),
            client(),
            subject=physician,
            counterparty=patient,
            idempotency_key=idempotency_key(request),
            trace=traceparent(request),
            payload=payload,
            unique={"open": physician, "client": client()},
            opens=True,
        )
        try:
            opened = core().accept(command)
        except AlreadyOpen as error:
            raise PhysicianBusy(error.operation) from None
        response = jsonify(_view(opened.operation))
        response.status_code = 201
        response.headers["Location"] = url_for("consultations.Consultation", id=opened.operation.id)
        if opened.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


@blueprint.route("/end")
class End(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(EndRequest(), example={"id": ID})
    @blueprint.response(202, ConsultationView)
    @blueprint.doc(**SECURED)
    def post(self, payload: dict[str, Any]) -> Response:
        """End a consultation. From then on it is charged; the same end again is the same answer."""
        for _ in range(MAX_TRIES):
            operation = load(CONSULTATION.kind, payload["id"], ConsultationNotFound, seen_by_caller(SCOPE_ALL))
            try:
                if operation.status is Status.OPEN:
                    ended = _ended(operation, payload["end_date"], core().clock.now())
                    operation = core().close_operation(operation, ended.to_json())
            except Conflict:
                continue
            break
        end_date, given = CONSULTATION.read(operation).end_date, payload["end_date"]
        if given is not None and read_moment(given) != read_moment(str(end_date)):
            raise AlreadyEnded(f"This consultation has ended at {_in_utc(end_date)}.")
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
        """List consultations, newest first: those that you have opened, unless your key is good for all."""
        where = {
            "subject": query["physician_id"],
            "counterparty": query["patient_id"],
            "client": owner(SCOPE_ALL),
        }
        return answer_page(CONSULTATION.kind, query, where, "consultations", _view)


@blueprint.route("/consultations/<id>")
class Consultation(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, ConsultationView)
    @blueprint.doc(**SECURED)
    def get(self, id: str) -> Response:
        """Show a consultation."""
        return jsonify(_view(load(CONSULTATION.kind, id, ConsultationNotFound, seen_by_caller(SCOPE_ALL))))


@blueprint.route("/charges")
class Charges(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, ChargesView)
    @blueprint.doc(**SECURED)
    def get(self, query: dict[str, Any]) -> Response:
        """List the charges of consultations that have ended, newest first."""
        where = {"client": owner(SCOPE_ALL)}
        return answer_page(CONSULTATION.kind, query, where, "charges", _charge_view, keep=_has_ended)


@blueprint.route("/charges/<appointment_id>")
class Charge(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, ChargeView, headers=STATUS_HEADERS)
    @blueprint.alt_response(304, description=UNCHANGED)
    @blueprint.doc(parameters=[PREFER, IF_NONE_MATCH], **SECURED)
    def get(self, appointment_id: str) -> Response:
        """Show what a consultation costs, and the status of its charge."""
        is_seen = seen_by_caller(SCOPE_ALL)

        def keep(operation: Operation) -> bool:
            return _has_ended(operation) and is_seen(operation)

        return answer_status(CONSULTATION.kind, appointment_id, _charge_view, ChargeNotFound, keep=keep)


def format_time(moment: datetime) -> str:
    """A time in RFC 3339, UTC, with a fraction only if it has one."""
    return to_rfc3339(moment).replace(".000000Z", "Z")


def _in_utc(written: str | None) -> str | None:
    """A stored time in RFC 3339, UTC, however the client wrote it."""
    return written and format_time(read_moment(written))


def _ended(operation: Operation, given: str | None, now: datetime) -> ConsultationRequest:
    """The request of a consultation that ends now, or at the given time. Raises InvalidField."""
    request = CONSULTATION.read(operation)
    started = read_moment(request.start_date)
    # An end that we set ourselves comes after the start, whatever the clocks say.
    ended = read_moment(given) if given else max(now.replace(microsecond=0), started)
    return request.closed(given or format_time(ended), started, ended)


def _has_ended(operation: Operation) -> bool:
    return operation.status is not Status.OPEN


def _view(operation: Operation) -> dict[str, Any]:
    request = CONSULTATION.read(operation)
    return {
        "id": operation.id,
        "start_date": _in_utc(request.start_date),
        "end_date": _in_utc(request.end_date),
        "physician_id": operation.subject,
        "patient_id": operation.counterparty,
        "price": None if request.price is None else shown(request.price, request.currency),
    }


def _charge_view(operation: Operation) -> dict[str, Any]:
    request = CONSULTATION.read(operation)
    view = base_view(operation, follow_url("consultations.Charge", appointment_id=operation.id))
    return {
        "appointment_id": view.pop("id"),
        "total_price": shown(request.price or 0, request.currency),
        "currency": request.currency,
        **view,
    }
