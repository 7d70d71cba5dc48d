"""`python -m devtools.postman`: writes a Postman collection from the API's description, with our own products."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from core.installed import DEFAULT
from core.log import configure
from devtools.api import open_api
from devtools.reference import FOLDER, as_json
from devtools.stack import ROOT

Json = dict[str, Any]

FILE = FOLDER / "quittance.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
METHODS = ("get", "post", "put", "patch", "delete")
VARIABLES = {
    "base_url": "http://127.0.0.1:8080",
    "token": "",
    "client_id": "",
    "client_secret": "",
    "gateway_key": "",
}
"""What the collection's requests use, with the values of `make run`."""
BEARER = {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]}
NOBODY = {"type": "noauth"}
GATEWAY_HEADER = {"key": "X-Gateway-Key", "value": "{{gateway_key}}"}
HEADERS = {"Idempotency-Key": "{{$guid}}", "Prefer": "wait=10"}
"""The values of headers. A request is sent with a new Idempotency-Key, and without the other headers."""
FORM_VALUES = {
    "grant_type": "client_credentials",
    "client_id": "{{client_id}}",
    "client_secret": "{{client_secret}}",
}
KEEP_TOKEN = [
    "const token = pm.response.code === 200 && pm.response.json().access_token;",
    'if (token) { pm.collectionVariables.set("token", token); }',
]
"""After a request for a token: the other requests use it."""


def collection(spec: Mapping[str, Any]) -> Json:
    """The collection (format 2.1) of an OpenAPI description: a folder for each tag, a request for each operation."""
    folders = [
        {
            "name": tag["name"],
            "description": tag["description"],
            "item": [_item(spec, *found) for found in _operations(spec) if tag["name"] in found[2]["tags"]],
        }
        for tag in spec["tags"]
    ]
    info = {"name": spec["info"]["title"], "description": spec["info"]["description"], "schema": SCHEMA}
    variables = [{"key": key, "value": value, "type": "string"} for key, value in VARIABLES.items()]
    return {"info": info, "auth": BEARER, "variable": variables, "item": folders}


def _operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    """Yields the path, the method and the description of each operation, with the parameters of its path."""
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                yield path, method, {**item[method], "parameters": parameters}


def _item(spec: Mapping[str, Any], path: str, method: str, operation: Json) -> Json:
    ways = {name for way in operation.get("security", ()) for name in way}
    headers = [_parameter(each, HEADERS) for each in _in("header", operation)]
    request: Json = {
        "method": method.upper(),
        "header": [GATEWAY_HEADER, *headers] if "gateway" in ways else headers,
        "url": _url(path, operation),
        "description": "\n\n".join(operation[part] for part in ("summary", "description") if operation.get(part)),
    }
    if "bearer" not in ways:
        request["auth"] = NOBODY
    if body := _body(spec, operation.get("requestBody", {}).get("content", {})):
        request["body"] = body
        request["header"].insert(0, {"key": "Content-Type", "value": next(iter(operation["requestBody"]["content"]))})
    item: Json = {"id": operation["operationId"], "name": f"{method.upper()} {path}", "request": request}
    if path == spec["components"]["securitySchemes"]["machine"]["flows"]["clientCredentials"]["tokenUrl"]:
        item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": KEEP_TOKEN}}]
    return {**item, "response": []}


def _in(place: str, operation: Json) -> Iterator[Json]:
    return (each for each in operation["parameters"] if each["in"] == place)


def _parameter(described: Json, values: Mapping[str, str]) -> Json:
    """A header or a query parameter. Only an Idempotency-Key is sent unless it is switched on."""
    name, schema = described["name"], described.get("schema", {})
    default = schema.get("default")
    value = values.get(name, "" if default is None else str(default))
    shown = {"key": name, "value": value, "description": described.get("description", "")}
    return shown if name == "Idempotency-Key" else {**shown, "disabled": True}


def _url(path: str, operation: Json) -> Json:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    url: Json = {"raw": "/".join(["{{base_url}}", *parts]), "host": ["{{base_url}}"], "path": parts}
    if query := [_parameter(each, {}) for each in _in("query", operation)]:
        url["query"] = query
    if variables := [
        {"key": each["name"], "value": "", "description": each.get("description", "")}
        for each in _in("path", operation)
    ]:
        url["variable"] = variables
    return url


def _body(spec: Mapping[str, Any], contents: Mapping[str, Json]) -> Json | None:
    """The body of a request: the example of the description, or the fields of a form."""
    for content_type, content in contents.items():
        if content_type == "application/json":
            raw = json.dumps(content["example"], indent=2, ensure_ascii=False)
            return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
        return {"mode": "urlencoded", "urlencoded": list(_fields(spec, content["schema"]))}
    return None


def _fields(spec: Mapping[str, Any], schema: Json) -> Iterator[Json]:
    """Yields the fields of a form. Where there are several forms, as for a token, only a machine's is switched on."""
    sorts = [_resolved(spec, each) for each in schema.get("anyOf", [schema])]
    described = {name: field for sort in sorts for name, field in sort["properties"].items()}
    required = set(sorts[0].get("required", ())) if len(sorts) == 1 else FORM_VALUES.keys()
    for name, field in described.items():
        shown = {"key": name, "value": FORM_VALUES.get(name, ""), "description": field.get("description", "")}
        yield {**shown, "type": "text"} if name in required else {**shown, "type": "text", "disabled": True}


def _resolved(spec: Mapping[str, Any], schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Json = spec["components"]["schemas"][name] if name else schema
    return found


def described() -> Json:
    """The description of the API with our own products."""
    spec: Json = open_api(DEFAULT).http.get("/openapi.json").get_json()
    return spec


@click.command()
def main() -> None:
    """Write the collection."""
    configure("postman", "WARNING")
    FILE.write_text(as_json(collection(described())))
    click.echo(f"wrote {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
