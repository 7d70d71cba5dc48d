"""The gateways' formats, one view each: our own JSON, and that of Africa's Talking. `/ussd/`."""

import re
from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, fields, validate

from api.auth.access import gateway
from api.http.blueprint import Routes, header
from api.http.fields import Phone, Text
from api.ussd.sessions import Answer, Delivery, sessions

blueprint = Routes(
    "ussd", __name__, url_prefix="/ussd", description="Menus for any phone", forms=("ussd.AfricasTalking",)
)

KEY = header("X-Gateway-Key", "the secret shared with this gateway; needed outside the embedded default")
SESSION = validate.Length(1, 128)
_SERVICE_CODE = re.compile(r"[*#][*#0-9]*#")


class Caller(Phone):
    """The caller's phone, which some gateways take for the code that was dialled."""

    default_error_messages = {"service_code": "This is a service code. It has to be the caller's phone."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, str) and _SERVICE_CODE.fullmatch(value.strip()):
            raise self.make_error("service_code")
        return super()._deserialize(value, attr, data, **kwargs)


class StepRequest(Schema):
    sessionid = Text(required=True, validate=SESSION)
    msisdn = Caller(required=True)
    message = Text(required=True)
    step = fields.Integer(
        strict=True,
        load_default=None,
        validate=validate.Range(0, 10_000),
        metadata={"description": "which message of the session this is, 0 for the dial: a repetition is known by it"},
    )


class StepView(Schema):
    message = fields.String(metadata={"example": "1 Transfert\n2 Retrait"})
    command = fields.String(validate=validate.OneOf(["CON", "END"]))


class AfricasTalkingForm(Schema):
    class Meta:
        unknown = EXCLUDE

    session = Text(required=True, validate=SESSION, data_key="sessionId")
    msisdn = Caller(required=True, data_key="phoneNumber")
    service_code = fields.String(data_key="serviceCode")
    network_code = fields.String(data_key="networkCode")
    text = Text(required=True)


@blueprint.route("")
class Step(MethodView):
    @gateway("ussd_key")
    @blueprint.arguments(StepRequest(), example={"sessionid": "7", "msisdn": "+2250707000001", "message": ""})
    @blueprint.response(200, StepView)
    @blueprint.doc(parameters=[KEY])
    def post(self, payload: dict[str, Any]) -> Response:
        """Take the caller's input and return the next screen. A message that is empty or begins with `*` dials."""
        answer = _answer("json", payload["sessionid"], payload["msisdn"], payload["message"], payload["step"])
        return jsonify(message=answer.message, command="END" if answer.over else "CON")


@blueprint.route("/africastalking")
class AfricasTalking(MethodView):
    @gateway("ussd_africastalking_key")
    @blueprint.arguments(AfricasTalkingForm(), location="form")
    @blueprint.response(
        200, description="`CON ` or `END `, and the text", content_type="text/plain", example="CON 1 Transfert"
    )
    @blueprint.doc(parameters=[KEY])
    def post(self, payload: dict[str, Any]) -> Response:
        """The same for Africa's Talking: `text` is all inputs so far, separated by `*`."""
        typed = payload["text"].split("*") if payload["text"] else []
        last = typed[-1] if typed else ""
        answer = _answer("africastalking", payload["session"], payload["msisdn"], last, len(typed))
        return Response(f"{'END' if answer.over else 'CON'} {answer.message}", mimetype="text/plain")


def _answer(name: str, session: str, msisdn: str, typed: str, number: int | None) -> Answer:
    return sessions().answer(Delivery(f"{name}:{session}", msisdn, typed, number))
