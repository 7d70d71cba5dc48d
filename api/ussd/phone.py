"""`/ussd/phone`: a phone in the browser to try the menus. It dials from any number, so it is embedded-only.

Its inbox shows the SMS to that number, which would be a stranger's. So there is one only where nothing is sent to
phones and nobody but this machine reaches us.
"""

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Response, jsonify, request, send_from_directory

from api.auth.access import anyone
from api.http.context import core
from core.clock import to_rfc3339
from core.errors import InvalidPhone, NotFound
from core.notices.port import SentText
from core.phone import to_e164

STATIC = Path(__file__).parent / "static"
PAGE = "phone.html"
ASSETS = ("phone.css", "phone.js", "phone.svg")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only these files run, whatever a text on the screen contains, and nothing is sent elsewhere."""
MAX_MESSAGES = 20

blueprint = Blueprint("ussd_phone", __name__)


@blueprint.get("/ussd/phone")
@anyone
def page() -> Response:
    """The phone."""
    return _file(PAGE)


@blueprint.get("/ussd/phone/inbox")
@anyone
def inbox() -> Response:
    """The SMS to a number, newest first. 204 where the phone has no inbox, which is no error of the page."""
    _require_phone()
    found = _messages(request.args.get("msisdn", ""))
    if found is None:
        return Response(status=204)
    shown = [{"id": each.id, "at": to_rfc3339(each.at), "text": each.text} for each in found]
    response = jsonify(messages=shown)
    response.headers["Cache-Control"] = "no-store"
    return response


def _messages(number: str) -> Sequence[SentText] | None:
    settings = core().settings
    if not settings.local or settings.ussd_key:  # with a key, nobody may dial from any number either
        return None
    try:
        msisdn = to_e164(number, settings.phone_region)
    except InvalidPhone:
        msisdn = ""
    return core().notifier.inbox(settings, msisdn, MAX_MESSAGES)


@blueprint.get("/ussd/phone/<name>")
@anyone
def asset(name: str) -> Response:
    """What the page loads."""
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    return _file(name)


def _require_phone() -> None:
    if not core().settings.open:
        raise NotFound("The phone is there on the embedded default only.")


def _file(name: str) -> Response:
    _require_phone()
    response = send_from_directory(STATIC, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response
