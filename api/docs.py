"""The API's description: its page at `/docs`, and how callers show who they are there."""

from typing import Any

from apispec import APISpec
from flask import Blueprint, Response
from flask_swagger_ui import get_swaggerui_blueprint

from api.auth.access import anyone

PAGE = "/docs"
TOKEN_URL = "/v1/auth/token"
SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "password": {
        "type": "oauth2",
        "description": "A person's username and password, for a token of an hour",
        "flows": {"password": {"tokenUrl": TOKEN_URL, "scopes": {}}},
    },
}

blueprint = Blueprint("docs", __name__)
page = get_swaggerui_blueprint(PAGE, "/openapi.json", config={"validatorUrl": None})


@blueprint.get("/v1/docs")
@anyone
def former() -> Response:
    """Redirects the path that the page has in older systems."""
    return Response(status=308, headers={"Location": PAGE})


def describe_security(spec: APISpec) -> None:
    """Adds what `api.http.blueprint.BEARER` names to the description."""
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
