"""What every product's routes are made with."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from api.http.examples import example_of
from api.http.headers import IDEMPOTENCY_KEY_PATTERN

FORM = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 64 * 1024


class BodyParser(FlaskParser):
    """Gives schemas the body as the app reads JSON: the library's own reader would turn amounts into floats.

    Unknown query parameters are refused: a list with a filter that is not applied would be a wrong answer.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        return req.json


class Routes(Blueprint):
    """The routes of one product, or of a part of it."""

    ARGUMENTS_PARSER = BodyParser()

    def __init__(
        self,
        *args: Any,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_nesting: int | None = None,
        bodyless: tuple[str, ...] = (),
        forms: tuple[str, ...] = (),
        kinds: tuple[str, ...] = (),
        limit: str | None = "writes",
        any_query: bool = False,
        also: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        """As flask-smorest's Blueprint, and:

        max_body_bytes: the size of the largest body.
        max_nesting: levels of nesting in a body; None for any number.
        bodyless: endpoints of POSTs without a body.
        forms: endpoints of POSTs whose body is a form.
        kinds: the kinds of operations that clients ask for here.
        limit: the rate of RATE_LIMITS for what changes something here; None for no limit, nor for reads.
        any_query: whether query parameters that no route declares are ignored, and not refused.
        also: other paths of the same routes: the beginning of a path, and what it may be instead.
        """
        super().__init__(*args, **kwargs)
        self.max_body_bytes, self.max_nesting = max_body_bytes, max_nesting
        self.bodyless, self.forms, self.kinds, self.limit = bodyless, forms, kinds, limit
        self.any_query, self.also = any_query, dict(also or {})
        self._queries: dict[tuple[str, str], frozenset[str]] = {}

    def declared_query(self, endpoint: str, method: str) -> frozenset[str]:
        """The query parameters that an endpoint declares. HEAD has those of GET."""
        method = "GET" if method == "HEAD" else method
        return self._queries.get((endpoint.removeprefix(f"{self.name}."), method), frozenset())

    def _store_endpoint_docs(self, endpoint: str, obj: Any, *args: Any, **options: Any) -> None:
        """Completes the description of each operation: an operationId, its scope, and an example of each answer."""
        super()._store_endpoint_docs(endpoint, obj, *args, **options)
        for method, described in self._docs[endpoint].items():
            if method == "parameters":
                continue
            class_name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", endpoint).lower()
            self._queries[endpoint, method.upper()] = _query_of(described)
            id = f"{method}_{self.name}_{class_name}" if isinstance(obj, type) else endpoint
            manual = described.setdefault("manual_doc", {})
            manual["operationId"] = id
            if scope := getattr(getattr(obj, method.lower()) if isinstance(obj, type) else obj, "scope", None):
                manual["security"] = [*BEARER, {"machine": [scope]}]
            for answers in described.get("response", {}).get("responses", {}).values():
                for answer in answers:
                    if "schema" in answer and "example" not in answer:
                        answer["example"] = example_of(answer["schema"])


def _query_of(described: Mapping[str, Any]) -> frozenset[str]:
    """The names of the query parameters in the description of an operation."""
    schemas = (each["schema"] for each in described.get("arguments", {}).get("parameters", ()) if each["in"] == "query")
    return frozenset(field.data_key or name for schema in schemas for name, field in schema.fields.items())


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A request header, for the API's description."""
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}


BEARER: list[dict[str, list[str]]] = [{"bearer": []}, {"password": []}]
"""For an endpoint's description: it needs a token, or the username and password that get one."""

IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "The same key and body replays the first answer; the same key and another body is refused. Kept for good.",
    format="idempotency-key",
    pattern=IDEMPOTENCY_KEY_PATTERN,
)
PREFER = header(
    "Prefer",
    "`wait=N`: hold the answer for at most N seconds, and never more than 30. It comes as soon as the operation has "
    "ended or, with If-None-Match, as soon as anything has changed. "
    "A POST answers 200 when the operation ended meanwhile, else 202.",
)
IF_NONE_MATCH = header("If-None-Match", "An ETag: 304 while the operation has not changed.")
UNCHANGED = "It has not changed since the ETag of If-None-Match"
"""What 304 says in the description of what is followed."""
