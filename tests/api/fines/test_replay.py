"""Seen twice, done once: the same request, in any spelling, is the same payment."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from core.operation import Status
from tests.answers import client_of
from tests.api.kit import FINES, PHONE, URL, House, body, one_fine, written

PHONES = [
    PHONE, "002250707000001", "2250707000001", "0707000001", "07 07 00 00 01", "+225 07 07 00 00 01",
    "+225-07-07-00-00-01",
    "+225.07.07.00.00.01", "(07) 07-00-00-01", "+225 (07) 07000001", "\uff0b2250707000001",
    "+225\u00a007\u00a007\u00a000\u00a000\u00a001",
]  # fmt: skip

NUMBERS = ["25000", "25000.0", "25000.00000000000", "2.5e4", "2.5E+4", "250000e-1", '"25000"', '"25000.00"', '"025000"']


def is_replay(answer: Any, id: str) -> bool:
    return (answer.status_code, answer.json["id"], answer.headers.get("Idempotency-Replayed")) == (202, id, "true")


def test_the_same_again_is_the_same_payment(house: House) -> None:
    # Given an accepted payment
    first = house.post(body())

    # If I ask for it again
    again = house.post(body())

    # I expect the very same answer, marked as replayed, and one document
    assert is_replay(again, first.json["id"])
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Retry-After"] == first.headers["Retry-After"]
    assert house.stored()["operations"] == 1


def test_a_machines_payment_is_its_own_whoever_asks_for_the_same(house: House) -> None:
    strangers = house.post(body())
    key = house.core.api_keys.create("portal", frozenset({"fines:pay", "fines:read"}))[1]
    portal = house.caller(key)
    own = portal.post(URL, body())
    assert own.json["id"] != strangers.json["id"]
    assert is_replay(portal.post(URL, body()), own.json["id"])
    assert is_replay(house.post(body()), strangers.json["id"])
    assert [each["id"] for each in portal.get(URL).json["payments"]] == [own.json["id"]]


@pytest.mark.parametrize("phone", PHONES)
def test_in_any_spelling_of_the_phone(house: House, phone: str) -> None:
    id = house.pay()

    assert is_replay(house.post(body(msisdn=phone)), id)


@pytest.mark.parametrize("number", NUMBERS)
def test_in_any_number_format(house: House, number: str) -> None:
    id = house.pay(one_fine(25000))

    again = written(amount=number, amendes=f'[{{"id": "AM-1", "amount": {number}}}]')

    assert is_replay(house.post(again), id)


def test_in_any_order(house: House) -> None:
    id = house.pay()

    assert is_replay(house.post(body(amendes=list(reversed(FINES)))), id)
    assert is_replay(house.post(json.dumps(body(), sort_keys=True, indent=4)), id)


@pytest.mark.parametrize("path", ["/amendes/payments/", "/amendes/payments"])
def test_with_and_without_the_last_slash(house: House, path: str) -> None:
    id = house.pay()

    assert is_replay(house.post(body(), path=path), id)


@pytest.mark.parametrize(
    "other",
    [
        body(msisdn="+2250707000002"),
        body(currency="EUR"),
        body(amendes=[{"id": "AM-2026-000123", "amount": 10000}, {"id": "AM-2026-000124", "amount": 15000}]),
        body(amendes=[{"id": "AM-2026-000123", "amount": 15000}, {"id": "AM-2026-000125", "amount": 10000}]),
        body(amendes=[{"id": "am-2026-000123", "amount": 15000}, {"id": "AM-2026-000124", "amount": 10000}]),
        body(amount=15000, amendes=[{"id": "AM-2026-000123", "amount": 15000}]),
    ],
)
def test_another_request_is_another_payment(house: House, other: dict[str, Any]) -> None:
    id = house.pay()

    answer = house.post(other)

    assert answer.status_code == 202
    assert answer.json["id"] != id
    assert "Idempotency-Replayed" not in answer.headers


LIVE = [
    (),
    (Status.PROCESSING,),
    (Status.PROCESSING, Status.IN_DOUBT),
    (Status.PROCESSING, Status.NEEDS_REVIEW),
    (Status.PROCESSING, Status.SUCCEEDED),
    (Status.PROCESSING, Status.PARTIALLY_SUCCEEDED),
]


@pytest.mark.parametrize("statuses", LIVE, ids=lambda statuses: statuses[-1] if statuses else "accepted")
def test_while_it_lives_or_has_succeeded_it_is_replayed_as_it_stands(
    house: House, statuses: tuple[Status, ...]
) -> None:
    id = house.pay()
    house.move(id, *statuses)

    again = house.post(body())

    assert is_replay(again, id)
    assert again.json["status"] == (statuses[-1] if statuses else "accepted")


@pytest.mark.parametrize("end", [Status.FAILED, Status.REFUNDED])
def test_a_failed_or_refunded_payment_may_be_requested_again(house: House, end: Status) -> None:
    # Given a payment that left nothing done
    failed = house.pay()
    house.move(failed, Status.PROCESSING, end)

    # If I ask for the same again
    fresh = house.post(body())

    # I expect a new payment, and from then on that one
    assert fresh.status_code == 202
    assert fresh.json["id"] != failed
    assert "Idempotency-Replayed" not in fresh.headers
    assert is_replay(house.post(body()), fresh.json["id"])
    assert house.get(failed).json["status"] == end


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "one-key"])
def test_three_hundred_at_once_are_one_payment(house: House, key: str | None) -> None:
    # Given three hundred identical requests on thirty threads that start together
    threads, each = 30, 10
    start = Barrier(threads)
    headers = {"Idempotency-Key": key} if key else {}

    def post_some(_: int) -> list[Any]:
        http = client_of(house.app)
        start.wait(10)
        return [http.post(URL, json=body(), headers=headers) for _ in range(each)]

    with ThreadPoolExecutor(threads) as pool:
        answers = [answer for some in pool.map(post_some, range(threads)) for answer in some]

    # I expect 202 for all, one id, one of them not a replay, one document
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert house.stored() == {"operations": 1, "idempotency_keys": 1 if key else 0}


@pytest.mark.slow
def test_one_hundred_keys_at_once_for_one_request(house: House) -> None:
    # Given one request under a hundred keys at once
    def post(number: int) -> str:
        answer = client_of(house.app).post(URL, json=body(), headers={"Idempotency-Key": f"key-{number}"})
        return str(answer.json["id"])

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(post, range(100)))

    # I expect one payment, and every key to stand for it
    (id,) = ids
    house.move(id, Status.PROCESSING, Status.FAILED)
    assert {post(number) for number in range(100)} == ids
