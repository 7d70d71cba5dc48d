"""What every product's routes are made with."""

from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

FORM = "application/x-www-form-urlencoded"
LARGEST_BODY = 64 * 1024


class BodyParser(FlaskParser):
    """Hands schemas the body as the app reads JSON: the library's own reading would turn amounts into floats."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        return req.json


class Product(Blueprint):
    """The routes of one product."""

    ARGUMENTS_PARSER = BodyParser()

    def __init__(
        self,
        *args: Any,
        largest_body: int = LARGEST_BODY,
        deepest: int | None = None,
        bodyless: tuple[str, ...] = (),
        forms: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        """largest_body: in bytes; deepest: levels of nesting in a body; bodyless: endpoints of POSTs without a body;
        forms: endpoints of POSTs whose body is a form."""
        super().__init__(*args, **kwargs)
        self.largest_body, self.deepest, self.bodyless, self.forms = largest_body, deepest, bodyless, forms


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A request header, for the API's description."""
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}


BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
"""Of an endpoint's description: that it needs a token."""

IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "The same key and body replays the first answer; the same key and another body is refused. Kept for good.",
    minLength=1,
    maxLength=257,
)
PREFER = header(
    "Prefer",
    "`wait=N`: hold the answer until the end or, with If-None-Match, until there is news; at most N and 30 seconds.",
)
IF_NONE_MATCH = header("If-None-Match", "An ETag: 304 while the payment is as it was.")
