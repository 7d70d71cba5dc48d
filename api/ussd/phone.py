"""`/ussd/phone`: a phone in the browser, to try the menus with. On the embedded default only: it dials for anybody."""

from pathlib import Path

from flask import Blueprint, Response, current_app, send_from_directory

from api.auth import anyone
from api.errors import Problem

STATIC = Path(__file__).parent / "static"
PAGE = "phone.html"
ASSETS = ("phone.css", "phone.js", "phone.svg")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Whatever a text on the screen may hold, nothing runs that is not one of these files, and nothing leaves."""

blueprint = Blueprint("ussd_phone", __name__)


@blueprint.get("/ussd/phone")
@anyone
def page() -> Response:
    """The phone."""
    return _file(PAGE)


@blueprint.get("/ussd/phone/<name>")
@anyone
def asset(name: str) -> Response:
    """What the page loads."""
    if name not in ASSETS:
        raise Problem(404, "not_found", "There is no such file.")
    return _file(name)


def _file(name: str) -> Response:
    if not current_app.extensions["core"].settings.embedded:
        raise Problem(404, "not_found", "The phone is there on the embedded default only.")
    response = send_from_directory(STATIC, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response
