"""Idempotency-Key: the same key and body replays, at any time; another body is 422."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from core.operation import Status
from tests.answers import client_of
from tests.api.kit import URL, House, assert_problem, body

OTHER = body(msisdn="+2250707000002")


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def test_the_same_key_and_body_replays(house: House) -> None:
    # Given a payment under a key
    first = house.post(body(), key("k"))
    assert "Idempotency-Replayed" not in first.headers

    # If both come again, in another spelling
    again = house.post(body(msisdn="0707000001", amount="25000.0"), key("k"))

    # I expect the same payment
    assert again.status_code == 202
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}


def test_the_same_key_and_another_body_is_refused(house: House) -> None:
    house.post(body(), key("k"))

    assert_problem(house.post(OTHER, key("k")), 422, "idempotency_key_reused")

    # I expect nothing of the other body to be stored: without the key it is new
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}
    assert "Idempotency-Replayed" not in house.post(OTHER).headers


@pytest.mark.parametrize("end", [Status.FAILED, Status.REFUNDED, Status.SUCCEEDED])
def test_the_key_replays_after_the_end(house: House, end: Status) -> None:
    # Given a payment under a key that has ended
    id = house.post(body(), key("k")).json["id"]
    house.move(id, Status.PROCESSING, end)

    # I expect the key to answer that payment, however it ended
    again = house.post(body(), key("k"))
    assert (again.json["id"], again.json["status"]) == (id, end)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_new_key_pays_again_what_has_failed(house: House) -> None:
    failed = house.post(body(), key("old")).json["id"]
    house.move(failed, Status.PROCESSING, Status.FAILED)

    fresh = house.post(body(), key("new")).json["id"]

    # I expect each key to go on standing for its own payment
    assert fresh != failed
    assert house.post(body(), key("old")).json["id"] == failed
    assert house.post(body(), key("new")).json["id"] == fresh
    assert house.post(body()).json["id"] == fresh


@pytest.mark.parametrize("first", [{}, key("first")])
def test_a_second_key_for_the_same_body_stands_for_the_same_payment(house: House, first: dict[str, str]) -> None:
    # Given a payment, requested with another key or none
    id = house.post(body(), first).json["id"]

    # If it is asked for under a second key
    alias = house.post(body(), key("second"))
    assert (alias.json["id"], alias.headers["Idempotency-Replayed"]) == (id, "true")

    # I expect that key to hold: after the failure as well, and against another body
    house.move(id, Status.PROCESSING, Status.FAILED)
    assert house.post(body(), key("second")).json["id"] == id
    assert_problem(house.post(OTHER, key("second")), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("bare", "quoted"),
    [("k", '"k"'), ("a\\b", '"a\\\\b"'), ("a" * 255, '"' + "a" * 255 + '"'), ("!#$%&'()*+,-./:;<=>?@[]^_`{|}~", None)],
)
def test_bare_and_quoted_are_one_key(house: House, bare: str, quoted: str | None) -> None:
    house.post(body(), key(bare))

    assert_problem(house.post(OTHER, key(quoted or f'"{bare}"')), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "value", ['" "', '"a b"', '"a\\"b"', '"' + '\\"' * 255 + '"', "0", "null", "../../etc", "$ne", "'"]
)
def test_odd_keys_are_keys(house: House, value: str) -> None:
    id = house.post(body(), key(value)).json["id"]

    assert house.post(body(), key(value)).json["id"] == id
    assert_problem(house.post(OTHER, key(value)), 422, "idempotency_key_reused")


def test_keys_differ_by_case_and_by_every_character(house: House) -> None:
    values = ["a", "A", "aa", "a.", '"a "', '" a"', '"a\\""', "a" * 255, "a" * 254]

    ids = {
        house.post(body(amount=n, amendes=[{"id": "AM-1", "amount": n}]), key(v)).json["id"]
        for n, v in enumerate(values, 1)
    }

    assert len(ids) == len(values)


@pytest.mark.parametrize(
    "value",
    ["", " ", '""', '"', 'a"', '"a', 'a"b', '"a"b"', "a b", "a\tb", '"a\tb"', "\x7f", "\0", "é", '"é"', "a" * 256,
    '"' + "a" * 256 + '"',
     '"\\a"', '"a\\"', '"a";x=1', "a" * 20_000, '"' + '\\"' * 256 + '"'],
)  # fmt: skip
def test_bad_keys(house: House, value: str) -> None:
    assert_problem(house.post(body(), key(value)), 400, "bad_idempotency_key")

    assert house.stored() == {"operations": 0, "idempotency_keys": 0}


def test_two_bodies_at_once_under_one_key_are_one_payment(house: House) -> None:
    # Given twenty different bodies under the same key, at once
    start = Barrier(20)

    def post(number: int) -> int:
        content = body(amount=number, amendes=[{"id": "AM-1", "amount": number}])
        start.wait(10)
        return client_of(house.app).post(URL, json=content, headers=key("k")).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(post, range(1, 21)))

    # I expect one to be accepted, and no trace of the others
    assert sorted(codes) == [202] + [422] * 19
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}


def test_a_key_without_its_payment_is_taken_up_again(house: House) -> None:
    # Given a process that died after it had written the key and before the payment
    id = house.post(body(), key("k")).json["id"]
    house.store.delete("operations", id, house.operation(id).version)

    # If the client asks again
    answer = house.post(body(), key("k"))

    # I expect the payment to be made now, under the id that the key had promised
    assert answer.status_code == 202
    assert answer.json["id"] == id
    assert "Idempotency-Replayed" not in answer.headers
    assert house.operation(id).status is Status.ACCEPTED
