"""Money in answers: decimal strings under `/v1`, and JSON numbers on the paths that clients have known for long."""

from typing import Any

from marshmallow import fields

from api.http.context import this_request
from core.money import format_minor, to_number

PREFIX = "/v1/"
FORMAT = "decimal"
"""A format of the OpenAPI registry. `api.description` describes these members as strings on paths under PREFIX."""


class Money(fields.Float):
    """An amount in an answer, in main units of its currency."""

    def __init__(self, metadata: dict[str, Any] | None = None, **settings: Any) -> None:
        super().__init__(metadata={"format": FORMAT, **(metadata or {})}, **settings)


def shown(minor: int, currency: str) -> int | float | str:
    """Minor units as an answer to this request shows them: (1250, "BRL") is "12.50" under `/v1`, and else 12.5."""
    under_v1 = this_request().path.startswith(PREFIX)
    return format_minor(minor, currency) if under_v1 else to_number(minor, currency)
