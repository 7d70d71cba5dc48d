"""Callbacks of mobile-money operators: `/callbacks/<operator>/<token>`.

The answer is 2xx for whatever is sent: most operators send it once, and none of them can mend it.
"""

from flask import Blueprint, Response, jsonify, request

from api.auth.access import anyone
from api.http.context import core
from core.callbacks import MAX_BODY_BYTES

blueprint = Blueprint("callbacks", __name__)


@blueprint.route("/callbacks/<operator>/<token>", methods=["POST", "PUT"])
@anyone
def receive(operator: str, token: str) -> Response:
    """Keep a callback as evidence, and have the operator asked now. Its token names the operation and the step."""
    core().callbacks.receive(operator, token, request.stream.read(MAX_BODY_BYTES))
    if request.method == "PUT":
        return Response(status=204)  # what the GSMA's API 1.2 asks for
    return jsonify(ResultCode=0, ResultDesc="Accepted")  # what M-Pesa asks for; others read the status alone
