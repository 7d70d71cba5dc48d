"""What is no JSON object in UTF-8 of at most 64 KiB: 400, 415, 413, before anything else is looked at."""

import io
import json
from typing import Any

import pytest

from tests.api.kit import URL, House, assert_problem, body, written

GOOD = json.dumps(body()).encode()
LIMIT = 64 * 1024

NOT_AN_OBJECT = {
    "empty": b"",
    "blank": b" \n\t",
    "array": b"[]",
    "array_of_a_payment": b"[" + GOOD + b"]",
    "null": b"null",
    "string": b'"{}"',
    "number": b"1",
    "boolean": b"true",
    "nan": b"NaN",
    "cut": GOOD[:-1],
    "junk_after": GOOD + b"x",
    "two_objects": GOOD + GOOD,
    "nul": b"\0",
    "nul_after": GOOD + b"\0",
    "byte_order_mark": b"\xef\xbb\xbf" + GOOD,
    "utf_16": json.dumps(body()).encode("utf-16"),
    "utf_32": json.dumps(body()).encode("utf-32"),
    "latin_1": b'{"msisdn": "\xe9"}',
    "surrogate_in_utf_8": b'{"msisdn": "\xed\xa0\x80"}',
    "overlong_utf_8": b'{"msisdn": "\xc0\xaf"}',
    "control_character": b'{"msisdn": "\x01"}',
    "single_quotes": str(body()).encode(),
    "comment": GOOD + b"// paid",
    "comma_at_the_end": b'{"amount": 1,}',
    "leading_zero": written(amount="025000").encode(),
    "plus_sign": written(amount="+25000").encode(),
    "hexadecimal": written(amount="0x61a8").encode(),
    "underscore": written(amount="25_000").encode(),
    "bare_point": written(amount="25000.").encode(),
    "deep_arrays": b"[" * 30_000,
    "deep_objects": b'{"a":' * 10_000,
    "deep_and_closed": b'{"msisdn":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "form": b"msisdn=%2B2250707000001&amount=25000",
    "gzip": b"\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("content", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_not_a_json_object(house: House, content: bytes) -> None:
    # Given a body that is no JSON object
    # If I post it as application/json
    answer = house.post(content)

    # I expect 400, and nothing stored
    assert_problem(answer, 400, "bad_request")
    assert house.stored() == {"operations": 0, "idempotency_keys": 0}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "json",
        "text/plain",
        "text/json",
        "application/xml",
        "application/jsonx",
        "application/json-patch",
        "application/json-patch+json",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "*/*",
        "\xe9",
        "text/plain; charset=application/json",
    ],
)
@pytest.mark.parametrize("content", [GOOD, b"", b"[]", b"x" * (LIMIT + 1)], ids=["good", "empty", "array", "large"])
def test_another_content_type_comes_before_all_else(house: House, content_type: str | None, content: bytes) -> None:
    answer = house.post(content, content_type=content_type, headers={"Idempotency-Key": "\x7f"})

    assert_problem(answer, 415, "unsupported_media_type")
    assert house.stored() == {"operations": 0, "idempotency_keys": 0}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_however_it_is_called(house: House, content_type: str) -> None:
    assert house.post(GOOD, content_type=content_type).status_code == 202


@pytest.mark.parametrize("content", [b"x", b" ", b"[", GOOD], ids=["junk", "blank", "arrays", "payment"])
def test_too_large_comes_before_not_json(house: House, content: bytes) -> None:
    # Given a body of one byte more than 64 KiB, JSON or not
    large = content + content[-1:] * (LIMIT + 1 - len(content))

    # If I post it with a key that is wrong as well
    answer = house.post(large, {"Idempotency-Key": ""})

    # I expect 413, and nothing stored
    assert_problem(answer, 413, "request_too_large")
    assert house.stored() == {"operations": 0, "idempotency_keys": 0}


def test_exactly_64_kib_is_not_too_large(house: House) -> None:
    assert house.post(GOOD + b" " * (LIMIT - len(GOOD))).status_code == 202


def chunked(house: House, content: bytes) -> Any:
    """As gunicorn passes a body with `Transfer-Encoding: chunked`: no length, and the stream has an end."""
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return house.http.post(
        URL, input_stream=io.BytesIO(content), content_type="application/json", environ_overrides=environ
    )


def test_a_chunked_body(house: House) -> None:
    assert chunked(house, GOOD).status_code == 202
    assert chunked(house, GOOD + b" " * (LIMIT - len(GOOD))).status_code == 202


def test_an_empty_chunked_body(house: House) -> None:
    assert_problem(chunked(house, b""), 400, "bad_request")


@pytest.mark.parametrize("rest", [b" ", b"x", b'{"junk": 1}'])
def test_a_chunked_body_is_not_cut_at_the_limit(house: House, rest: bytes) -> None:
    # Given a chunked body whose first 64 KiB alone would be a fine payment
    content = GOOD + b" " * (LIMIT - len(GOOD)) + rest

    # I expect 413: what was not read may have said otherwise
    assert_problem(chunked(house, content), 413, "request_too_large")
    assert house.stored()["operations"] == 0


def test_a_body_without_a_length_is_an_empty_one_or_read_whole(house: House) -> None:
    # Given a server that neither knows the length nor ends the stream
    answer = house.http.post(URL, input_stream=io.BytesIO(GOOD), content_type="application/json")

    # I expect no hang and no half-read payment
    assert answer.status_code in (202, 400)


def test_a_key_given_twice_counts_once(house: House) -> None:
    # Given a JSON text with the same member twice, which RFC 8259 leaves open
    content = '{"amount": 1, ' + written()[1:]

    # If it is accepted, I expect the sums to agree: one of the two was taken whole
    answer = house.post(content)

    assert answer.status_code in (202, 400, 422)
    if answer.status_code == 202:
        assert answer.json["amount"] == sum(fine["amount"] for fine in answer.json["amendes"])


@pytest.mark.parametrize("key", ["", "a b", "\x7f", "a" * 256])
def test_not_json_comes_before_a_bad_key(house: House, key: str) -> None:
    assert_problem(house.post(b"[]", {"Idempotency-Key": key}), 400, "bad_request")


@pytest.mark.parametrize("key", ["", "a b", "\x7f", "a" * 256])
def test_a_bad_key_comes_before_bad_fields(house: House, key: str) -> None:
    assert_problem(house.post({}, {"Idempotency-Key": key}), 400, "bad_idempotency_key")
