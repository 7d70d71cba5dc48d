"""How gateways call: our own JSON, and the format of Africa's Talking. A format is one view. `/ussd/`."""

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, jsonify, request
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from api.auth import gateway
from api.errors import Problem
from api.fields import Phone, Text
from api.product import Product, header
from api.ussd.sessions import Answer, Delivery, Sessions

blueprint = Product(
    "ussd", __name__, url_prefix="/ussd", description="Menus for any phone", forms=("ussd.AfricasTalking",)
)

KEY = header("X-Gateway-Key", "the secret shared with this gateway; needed outside the embedded default")
SESSION = validate.Length(1, 128)


class StepRequest(Schema):
    sessionid = Text(required=True, validate=SESSION)
    msisdn = Phone(required=True)
    message = Text(required=True)
    step = fields.Integer(
        strict=True,
        load_default=None,
        validate=validate.Range(0, 10_000),
        metadata={"description": "which message of the session this is, 0 for the dial: a repetition is known by it"},
    )


class StepView(Schema):
    message = fields.String()
    command = fields.String(validate=validate.OneOf(["CON", "END"]))


AfricasTalkingForm = Schema.from_dict(
    {
        "sessionId": Text(required=True, validate=SESSION),
        "phoneNumber": Phone(required=True),
        "serviceCode": fields.String(),
        "networkCode": fields.String(),
        "text": Text(required=True),
    },
    name="AfricasTalkingForm",
)


@blueprint.route("")
class Step(MethodView):
    @gateway("ussd_key")
    @blueprint.arguments(StepRequest(), example={"sessionid": "7", "msisdn": "+2250707000001", "message": ""})
    @blueprint.response(200, StepView)
    @blueprint.doc(parameters=[KEY])
    def post(self, asked: dict[str, Any]) -> Response:
        """Take what was typed, and tell what to show. A message that is empty, or begins with `*`, dials."""
        answer = _answer("json", asked["sessionid"], asked["msisdn"], asked["message"], asked["step"])
        return jsonify(message=answer.message, command="END" if answer.over else "CON")


@blueprint.route("/africastalking")
class AfricasTalking(MethodView):
    @gateway("ussd_africastalking_key")
    @blueprint.response(200, description="`CON ` or `END `, and the text", content_type="text/plain")
    @blueprint.doc(
        parameters=[KEY],
        requestBody={
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": AfricasTalkingForm}},
        },
    )
    def post(self) -> Response:
        """The same for Africa's Talking: `text` is all that was typed so far, with `*` between."""
        asked = _form(request.form.to_dict())
        typed = asked["text"].split("*") if asked["text"] else []
        last = typed[-1] if typed else ""
        answer = _answer("africastalking", asked["sessionId"], asked["phoneNumber"], last, len(typed))
        return Response(f"{'END' if answer.over else 'CON'} {answer.message}", mimetype="text/plain")


def _answer(name: str, session: str, msisdn: str, typed: str, number: int | None) -> Answer:
    sessions: Sessions = current_app.extensions["ussd"]
    return sessions.answer(Delivery(f"{name}:{session}", msisdn, typed, number))


def _form(given: Mapping[str, str]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = AfricasTalkingForm().load(given, unknown=EXCLUDE)
    except ValidationError as error:
        wrong = Problem(422, "validation_failed", "The form is not valid.")
        wrong.data = {"messages": {"form": error.messages}}
        raise wrong from None
    return loaded
