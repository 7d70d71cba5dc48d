"""What the library does not say by itself in the API's description: the paths of aliases, money under `/v1`, problems.

An answer may get new members in a later release, so the schemas of answers allow others than they name.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from apispec import APISpec
from flask import Flask

from api.http.aliases import aliases
from api.http.errors import INVALID, PROBLEM, details_of
from api.http.money import FORMAT, PREFIX
from core.errors import StoreUnavailable

AMOUNT_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
SUFFIX = "V1"
"""Ends the name of a schema of answers under PREFIX whose other paths keep numbers."""
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_VARIABLE = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_REFERENCE = "#/components/schemas/"

Schema = dict[str, Any]

PROBLEMS = (
    {
        **details_of(422, "validation_failed", INVALID),
        "errors": [{"pointer": "/amount", "detail": "Not a positive amount of money."}],
    },
    details_of(503, StoreUnavailable.code, str(StoreUnavailable.__doc__)),
)
"""An example of the answer to what is not valid, and of any other error."""


def complete(spec: APISpec, app: Flask) -> None:
    """Completes the description of all routes."""
    for answer, example in zip(_problems(spec), PROBLEMS, strict=True):
        answer["content"] = {PROBLEM: {**answer["content"]["application/json"], "example": example}}
    paths, schemas = spec._paths, spec.components.schemas  # noqa: SLF001 - it has no accessor
    for known, other in aliases(app):
        described, path = paths[_VARIABLE.sub(r"{\1}", known)], _VARIABLE.sub(r"{\1}", other)
        paths[path] = deepcopy(described)
        for method in METHODS & described.keys():
            paths[path][method]["operationId"] += "_v1"
    schemas.update(_Texts(schemas, paths).rewrite())
    asked = _used(schemas, [each for item in paths.values() for each in _bodies_of_requests(item)])
    for name in schemas.keys() - asked:
        schemas[name].pop("additionalProperties", None)


def _problems(spec: APISpec) -> list[dict[str, Any]]:
    responses = spec.components.responses
    return [responses["UNPROCESSABLE_ENTITY"], responses["DEFAULT_ERROR"]]


def _bodies_of_requests(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for method in METHODS & item.keys():
        yield from item[method].get("requestBody", {}).get("content", {}).values()


class _Texts:
    """Makes strings of the money in the answers of some paths."""

    def __init__(self, schemas: Mapping[str, Schema], paths: Mapping[str, Any]) -> None:
        self._schemas, self._paths = schemas, paths
        old = [answer for path in paths if not path.startswith(PREFIX) for answer in self._answers(path)]
        numbers = _used(schemas, old)
        self._names = {
            name: f"{name}{SUFFIX}" if name in numbers else name for name in schemas if self._has_money(name)
        }

    def rewrite(self) -> dict[str, Schema]:
        """Rewrites the answers in place, and returns the schemas that they name now."""
        answers = [answer for path in self._paths if path.startswith(PREFIX) for answer in self._answers(path)]
        for answer in answers:
            if "example" in answer:
                answer["example"] = self._example(answer["schema"], answer["example"])
            answer["schema"] = self._schema(answer["schema"])
        return {new: self._schema(self._schemas[old]) for old, new in self._names.items()}

    def _answers(self, path: str) -> list[dict[str, Any]]:
        """The bodies of the answers of a path: each with its schema, and perhaps an example."""
        operations = [each for method, each in self._paths[path].items() if method in METHODS]
        answers = [answer for operation in operations for answer in operation["responses"].values()]
        return [body for answer in answers for body in answer.get("content", {}).values() if "schema" in body]

    def _has_money(self, name: str) -> bool:
        used = _used(self._schemas, [{"schema": {"$ref": _REFERENCE + name}}])
        return any(_is_money(member) for each in used for member in self._schemas[each].get("properties", {}).values())

    def _schema(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self._schema(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if _is_money(schema):
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            kinds = ["string" if kind == "number" else kind for kind in kinds]
            changed = {**schema, "type": kinds if len(kinds) > 1 else kinds[0], "pattern": AMOUNT_PATTERN}
            return changed | ({"example": str(schema["example"])} if "example" in schema else {})
        return {
            name: _REFERENCE + self._names.get(_name(value), _name(value)) if name == "$ref" else self._schema(value)
            for name, value in schema.items()
        }

    def _example(self, schema: Schema, example: Any) -> Any:
        schema = self._schemas[_name(schema["$ref"])] if "$ref" in schema else schema
        if _is_money(schema):
            return None if example is None else str(example)
        if isinstance(example, list):
            return [self._example(schema.get("items", {}), each) for each in example]
        if isinstance(example, dict):
            members = schema.get("properties", {})
            return {name: self._example(members.get(name, {}), value) for name, value in example.items()}
        return example


def _used(schemas: Mapping[str, Schema], bodies: list[dict[str, Any]]) -> set[str]:
    """The names of the schemas that these bodies use, and those that these use."""
    found: set[str] = set()
    waiting = [name for body in bodies for name in _names_in(body["schema"])]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _names_in(schemas[name])
    return found


def _is_money(schema: Schema) -> bool:
    return schema.get("format") == FORMAT and "number" in schema["type"]


def _name(reference: str) -> str:
    return reference.removeprefix(_REFERENCE)


def _names_in(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _names_in(each)]
    if not isinstance(node, dict):
        return []
    own = [_name(node["$ref"])] if isinstance(node.get("$ref"), str) else []
    return own + [name for each in node.values() for name in _names_in(each)]
