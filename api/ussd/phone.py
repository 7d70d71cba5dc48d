"""`/ussd/phone`: a phone in the browser to try the menus. It dials from any number, so it is embedded-only."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from api.auth.access import anyone
from api.http.context import core
from core.errors import NotFound

STATIC = Path(__file__).parent / "static"
PAGE = "phone.html"
ASSETS = ("phone.css", "phone.js", "phone.svg")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only these files run, whatever a text on the screen contains, and nothing is sent elsewhere."""

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
        raise NotFound("There is no such file.")
    return _file(name)


def _file(name: str) -> Response:
    if not core().settings.open:
        raise NotFound("The phone is there on the embedded default only.")
    response = send_from_directory(STATIC, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response
