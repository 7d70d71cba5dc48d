"""Examples of answers, for the API's description: made from the schemas, so that they cannot become untrue."""

from typing import Any

from marshmallow import Schema, fields, validate

ID = "01a1fb2f-38bb-704b-a4e3-5dc285e92ace"
ON_DEMAND = "x-on-demand"
"""Marks a member that an answer has only where the request says so."""
BY_TYPE: tuple[tuple[type[fields.Field[Any]], Any], ...] = (
    (fields.UUID, ID),
    (fields.URL, f"https://pay.example/{ID}"),
    (fields.DateTime, "2026-01-01T12:00:00Z"),
    (fields.Float, 5000),
    (fields.Integer, 1),
    (fields.Boolean, False),
    (fields.String, "text"),
)
"""The example of a field whose metadata have none, by the first type that fits."""


def example_of(schema: Schema | type[Schema]) -> dict[str, Any]:
    """An example of what this schema describes: of each field its `example`, or one of its type."""
    shown = schema() if isinstance(schema, type) else schema
    fields_shown = ((name, field) for name, field in shown.dump_fields.items() if not field.metadata.get(ON_DEMAND))
    return {field.data_key or name: _example(field) for name, field in fields_shown}


def _example(field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if field.allow_none:
        return None
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    if isinstance(field, fields.List):
        return [_example(field.inner)]
    if isinstance(field.validate, validate.OneOf):
        return next(iter(field.validate.choices))
    return next((example for kind, example in BY_TYPE if isinstance(field, kind)), {})
