"""The Postman collection is what the API's description says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.postman import FILE, METHODS, VARIABLES, collection, described
from devtools.reference import as_json

Json = dict[str, Any]


@pytest.fixture(scope="module")
def spec() -> Json:
    return described()


@pytest.fixture(scope="module")
def written() -> Json:
    content: Json = json.loads(FILE.read_text())
    return content


def items(written: Json) -> Iterator[Json]:
    for folder in written["item"]:
        yield from folder["item"]


def test_the_collection_is_what_the_description_says(spec: Json) -> None:
    assert FILE.read_text() == as_json(collection(spec)), "run `make docs`"


def test_every_operation_is_in_the_collection_once(spec: Json, written: Json) -> None:
    operations = {
        operation["operationId"]: (method.upper(), re.sub(r"{(\w+)}", r":\1", path))
        for path, item in spec["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    found = [
        (item["id"], (item["request"]["method"], item["request"]["url"]["raw"].removeprefix("{{base_url}}")))
        for item in items(written)
    ]
    assert len(found) > 50
    assert len(found) == len(dict(found))
    assert dict(found) == operations


def test_a_request_is_ready_to_be_sent(spec: Json, written: Json) -> None:
    pay, listed, token, start = (
        next(item["request"] for item in items(written) if item["id"] == id)
        for id in ("post_fine_payment", "list_fine_payment", "post_people_token", "post_ussd_step")
    )
    example = spec["paths"]["/amendes/payments"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert json.loads(pay["body"]["raw"]) == example
    assert pay["auth"] == {"type": "noauth"}
    assert {each["key"]: each["value"] for each in pay["header"] if not each.get("disabled")} == {
        "Content-Type": "application/json",
        "Idempotency-Key": "{{$guid}}",
    }
    assert "auth" not in listed
    assert all(each["disabled"] for each in listed["url"]["query"])
    assert {each["key"] for each in token["body"]["urlencoded"] if not each.get("disabled")} == {
        "grant_type",
        "client_id",
        "client_secret",
    }
    assert {"key": "X-Gateway-Key", "value": "{{gateway_key}}"} in start["header"]


def test_every_variable_of_the_collection_is_declared(written: Json) -> None:
    used = set(re.findall(r"{{(\w+)}}", json.dumps(written)))
    assert used == {each["key"] for each in written["variable"]} == VARIABLES.keys()
