"""Africa's Talking: a form whose `text` holds all inputs of the session."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, fields

from api.auth.access import gateway
from api.http.fields import Text
from api.ussd.gateways.common import GATEWAY, SESSION, Caller, ask, blueprint


class AfricasTalkingForm(Schema):
    class Meta:
        unknown = EXCLUDE

    session = Text(required=True, validate=SESSION, data_key="sessionId")
    msisdn = Caller(required=True, data_key="phoneNumber")
    service_code = fields.String(data_key="serviceCode")
    network_code = fields.String(data_key="networkCode")
    text = Text(required=True)


EXAMPLE = {"sessionId": "ATUid_1", "phoneNumber": "+2250707000001", "serviceCode": "*384*1#", "text": "1*2"}


@blueprint.route("/africastalking")
class AfricasTalking(MethodView):
    @gateway("ussd_africastalking_key")
    @blueprint.arguments(AfricasTalkingForm(), location="form", example=EXAMPLE)
    @blueprint.response(
        200, description="`CON ` or `END `, and the text", content_type="text/plain", example="CON 1 Transfert"
    )
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any]) -> Response:
        """The same for Africa's Talking: `text` is all inputs so far, separated by `*`."""
        typed = payload["text"].split("*") if payload["text"] else []
        last = typed[-1] if typed else ""
        answer = ask("africastalking", payload["session"], payload["msisdn"], last, len(typed))
        return Response(f"{'END' if answer.over else 'CON'} {answer.message}", mimetype="text/plain")
