"""The API's description: its page at `/docs`, and how callers show who they are there."""

import re
from base64 import b64encode
from collections.abc import Iterable
from copy import deepcopy
from hashlib import sha256
from typing import Any

from apispec import APISpec
from flask import Blueprint, Response
from flask_swagger_ui import get_swaggerui_blueprint

from api.auth.access import anyone

PAGE = "/docs"
TOKEN_URL = "/v1/auth/token"
SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "gateway": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Gateway-Key",
        "description": "The secret shared with this gateway; needed outside the embedded default",
    },
    "machine": {
        "type": "oauth2",
        "description": "An API key's id and text, for a machine's token of 15 minutes",
        "flows": {"clientCredentials": {"tokenUrl": TOKEN_URL}},
    },
    "password": {
        "type": "oauth2",
        "description": "A person's username and password, for a token of an hour",
        "flows": {"password": {"tokenUrl": TOKEN_URL, "scopes": {}}},
    },
}

blueprint = Blueprint("docs", __name__)
page = get_swaggerui_blueprint(PAGE, "/openapi.json", config={"validatorUrl": None})

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For the page: our own files, the script in the page by its hash, and the styles that Swagger UI writes into it."""


@page.after_request
def restrict(response: Response) -> Response:
    """Names what the page may load and run. Scripts that are not in it as we send it do not run."""
    if response.mimetype == "text/html":
        hashes = (b64encode(sha256(script).digest()).decode() for script in _SCRIPT.findall(response.get_data()))
        response.headers["Content-Security-Policy"] = POLICY.format(scripts="".join(f" 'sha256-{h}'" for h in hashes))
    return response


@blueprint.get("/v1/docs")
@anyone
def former() -> Response:
    """Redirects the path that the page has in older systems."""
    return Response(status=308, headers={"Location": PAGE})


def servers(public_url: str) -> list[dict[str, str]]:
    """Where the API is, for the description: PUBLIC_URL, if it is set, and where the description was read."""
    here = {"url": "/", "description": "where this description comes from"}
    return [{"url": public_url, "description": "for the clients of this installation"}, here] if public_url else [here]


def describe_security(spec: APISpec, scopes: Iterable[str]) -> None:
    """Adds what `BEARER` of `api.http.blueprint` and `GATEWAY` of the gateways name to the description.

    scopes: those that a machine may have.
    """
    for name, scheme in SECURITY_SCHEMES.items():
        described = deepcopy(scheme)
        if name == "machine":
            described["flows"]["clientCredentials"]["scopes"] = dict.fromkeys(sorted(scopes), "")
        spec.components.security_scheme(name, described)
