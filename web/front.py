"""The front door: what this is, and where to go."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import Response, current_app, make_response, request

from api.auth.access import anyone
from api.http.context import core
from core.errors import NotFound
from core.settings import Settings
from web.languages import text
from web.pages import Pages, page

KEPT_S = 365 * 24 * 3600
ROBOTS = "User-agent: *\nAllow: /$\nAllow: /docs\nAllow: /static/\nDisallow: /\n"
GUIDE = """# Quittance

> An open payment system for mobile money: a payment is accepted in milliseconds and settled exactly once.

## For programs

- [Description of the API](/openapi.json): OpenAPI 3.1
- [Its page](/docs)

## For people

- [Front page](/)
- [Pay a fine](/pay)
- [Desk of operators](/desk)
"""
"""See https://llmstxt.org."""

blueprint = Pages("front", __name__)


@blueprint.show("/")
@anyone
def home() -> Response:
    """What this is, and where to go."""
    return page("home.html", doors=[*_doors(core().settings)])


def _doors(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Where one can go from the front page: the path, its name, and what is there."""
    yield from settings.installed.members("pages", "DOORS")
    yield "/docs", text("Docs"), text("The API, with an example of each request.")
    yield "/desk", text("Desk"), text("For the people who run the service.")
    if settings.open:
        yield "/ussd/phone", text("Phone"), text("Try the USSD menu on a phone in the browser.")
    if settings.local:
        operator = urlsplit(settings.operators.operators[0].url)
        yield (
            f"{operator.scheme}://{operator.netloc}/",
            text("Sandbox"),
            text("The operator and the registry that we play."),
        )


@blueprint.show("/static/<digest>/<name>")
@anyone
def asset(digest: str, name: str) -> Response:
    """A file that pages load."""
    found = current_app.extensions["assets"].get(digest, name)
    if found is None:
        raise NotFound("There is no such file.")
    packs = request.accept_encodings.quality("gzip") > 0
    response = make_response(found.packed if packs else found.content)
    response.headers.update({"Content-Type": found.type, "Vary": "Accept-Encoding"})
    response.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    return response


@blueprint.show("/favicon.ico")
@anyone
def favicon() -> Response:
    """For browsers that ask for it whatever the page names."""
    return Response(status=308, headers={"Location": current_app.extensions["assets"].url("quittance.svg")})


@blueprint.show("/robots.txt")
@anyone
def robots() -> Response:
    """Search engines list the front page and the docs, and nobody's payment."""
    return _text(ROBOTS)


@blueprint.show("/llms.txt")
@anyone
def guide() -> Response:
    """Where a language model finds what."""
    return _text(GUIDE)


def _text(text: str) -> Response:
    return Response(text, mimetype="text/plain")
