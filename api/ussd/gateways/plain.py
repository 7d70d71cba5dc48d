"""Our own format: JSON."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth.access import gateway
from api.http.fields import Text, Whole
from api.ussd.gateways.common import GATEWAY, SESSION, Caller, ask, blueprint


class StepRequest(Schema):
    sessionid = Text(required=True, validate=SESSION)
    msisdn = Caller(required=True)
    message = Text(required=True)
    step = Whole(
        load_default=None,
        validate=validate.Range(0, 10_000),
        metadata={"description": "which message of the session this is, 0 for the dial: a repetition is known by it"},
    )


class StepView(Schema):
    message = fields.String(metadata={"example": "1 Transfert\n2 Retrait"})
    command = fields.String(validate=validate.OneOf(["CON", "END"]))


@blueprint.route("")
class Step(MethodView):
    @gateway("ussd_key")
    @blueprint.arguments(StepRequest(), example={"sessionid": "7", "msisdn": "+2250707000001", "message": ""})
    @blueprint.response(200, StepView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any]) -> Response:
        """Take the caller's input and return the next screen. A message that is empty or begins with `*` dials."""
        answer = ask("json", payload["sessionid"], payload["msisdn"], payload["message"], payload["step"])
        return jsonify(message=answer.message, command="END" if answer.over else "CON")
