"""The 202: what it says, and that it is durable."""

import json
import re
from urllib.parse import urlsplit

import pytest

from tests.api.kit import PHONE, URL, House, body, one_fine

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
START = "2026-01-01T12:00:00.000000Z"


def test_the_answer_to_the_letter(house: House) -> None:
    # Given a valid payment
    # If I ask for it
    answer = house.post(body())

    # I expect its id, how it stands, and where to ask again
    payment = answer.json
    assert answer.status_code == 202
    assert answer.mimetype == "application/json"
    assert UUID7.fullmatch(payment["id"])
    assert payment == {
        "id": payment["id"],
        "status": "accepted",
        "amount": 25000,
        "currency": "XOF",
        "refunded": 0,
        "msisdn": "+225*******001",
        "amendes": [
            {"id": "AM-2026-000123", "amount": 15000, "status": "pending", "reason": None},
            {"id": "AM-2026-000124", "amount": 10000, "status": "pending", "reason": None},
        ],
        "reason": None,
        "timeline": [{"at": START, "event": "accepted", "step": None, "text": payment["timeline"][0]["text"]}],
        "created_at": START,
        "updated_at": START,
        "status_url": f"http://localhost{URL}{payment['id']}",
        "next_action": None,
    }


def test_the_headers_say_where_and_when_to_look(house: House) -> None:
    answer = house.post(body())

    assert answer.headers["Location"] == answer.json["status_url"]
    assert int(answer.headers["Retry-After"]) > 0
    assert "Idempotency-Replayed" not in answer.headers


def test_the_location_answers_the_same_payment(house: House) -> None:
    answer = house.post(body())

    there = house.http.get(urlsplit(answer.headers["Location"]).path)

    assert there.status_code == 200
    assert there.json == answer.json


def test_what_is_accepted_is_stored_and_due(house: House) -> None:
    # Given an accepted payment
    id = house.pay()

    # I expect the canonical request in the store, in minor units and E.164, and somebody to look at it
    operation = house.operation(id)
    assert house.stored() == {"operations": 1, "idempotency_keys": 0}
    assert operation.kind == "fine_payment"
    assert operation.subject == PHONE
    assert operation.request == body()
    assert operation.fingerprint
    assert operation.due_at is not None


@pytest.mark.parametrize(
    ("currency", "amount", "minor", "shown"),
    [
        ("XOF", 1, 1, 1),
        ("XOF", "1", 1, 1),
        ("XOF", "007", 7, 7),
        ("EUR", 12.5, 1250, 12.5),
        ("EUR", 0.07, 7, 0.07),
        ("EUR", "12.50", 1250, 12.5),
        ("EUR", 0.01, 1, 0.01),
        ("EUR", 1.10, 110, 1.1),
        ("EUR", 4.35, 435, 4.35),
        ("EUR", 99999999999.99, 9999999999999, 99999999999.99),
        ("KWD", "1.234", 1234, 1.234),
        ("XOF", 10**13, 10**13, 10**13),
    ],
)
def test_amounts_are_exact(house: House, currency: str, amount: object, minor: int, shown: float) -> None:
    # Given an amount as people write it in a currency with so many decimals
    # If I pay it
    answer = house.post(one_fine(amount, currency))

    # I expect whole minor units in the store, and the main unit in the answer
    assert answer.status_code == 202, answer.text
    assert house.operation(answer.json["id"]).request["amount"] == minor
    payment = json.loads(answer.data)
    assert payment["amount"] == payment["amendes"][0]["amount"] == shown


@pytest.mark.parametrize("id", ["A", "7", "A" * 64, "AM.2026_0-1", "a-b", "AM-1.."])
def test_fine_ids_as_registries_write_them(house: House, id: str) -> None:
    answer = house.post(body(amount=5, amendes=[{"id": id, "amount": 5}]))

    assert answer.status_code == 202, answer.text
    assert answer.json["amendes"][0]["id"] == id


def test_fifty_fines_in_one_payment(house: House) -> None:
    fines = [{"id": f"AM-{n}", "amount": 1} for n in range(50)]

    answer = house.post(body(amount=50, amendes=fines))

    assert answer.status_code == 202
    assert len(answer.json["amendes"]) == 50


LOOKUP = {
    "msisdn": PHONE,
    "currency": "XOF",
    "amount": "25000",
    "amendes": [
        {
            "id": "AM-2026-000123",
            "amount": "15000",
            "currency": "XOF",
            "status": "DUE",
            "motif": "Excès de vitesse \U0001f697",
            "date": "2026-10-01",
            "immatriculation": "AB-123-CD",
        },
        {"id": "AM-2026-000124", "amount": "10000", "status": None, "motif": None, "date": {"day": [1]}},
    ],
}


def test_the_lookup_answer_is_posted_back_as_it_is(house: House) -> None:
    # Given what the registry's lookup answered
    # If I post it back
    id = house.pay(LOOKUP)

    # I expect the plain payment: what describes the fines is neither kept nor a reason to differ
    assert house.operation(id).request == body()
    assert house.pay() == id


def test_the_trace_of_the_caller_is_kept(house: House) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    assert house.operation(house.pay(traceparent=trace)).trace == trace


@pytest.mark.parametrize("trace", ["", "junk", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 5000])
def test_a_malformed_trace_is_nobodys_problem(house: House, trace: str) -> None:
    assert house.operation(house.pay(traceparent=trace)).trace is None
