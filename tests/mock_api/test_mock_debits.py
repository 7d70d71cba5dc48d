"""The operator's debits: the contract, the magic phones, and the same id twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.answers import client_of
from tests.sandbox import Sandbox, make_app

PHONE = "+22507070000"


def test_a_debit_succeeds_and_is_answered_in_full(sandbox: Sandbox) -> None:
    answer = sandbox.debit("op-1:debit")

    assert answer.status_code == 200
    transaction_id = answer.json["transaction_id"]
    assert answer.json == {"request_id": "op-1:debit", "status": "SUCCESSFUL", "transaction_id": transaction_id}
    assert sandbox.get("/operator/requests/op-1:debit").json == answer.json
    (debit,) = sandbox.truth()["debits"]
    assert debit == {
        "request_id": "op-1:debit",
        "msisdn": "+2250707000011",
        "amount": "25000",
        "currency": "XOF",
        "transaction_id": transaction_id,
        "at": "2027-01-15T08:00:00.000Z",
    }


def test_one_address_can_play_both_partners(sandbox: Sandbox) -> None:
    body = {"request_id": "d1", "msisdn": "+33612345678", "amount": "1.50", "currency": "EUR", "reason": ""}

    assert sandbox.post("/debits", body).status_code == 200
    assert sandbox.settle("s1").status_code == 200
    assert sandbox.ask("d1", "") == (200, "SUCCESSFUL")
    assert sandbox.ask("s1", "") == (200, "SUCCESSFUL")
    assert sandbox.ask("s1", "/operator") == (404, None)
    assert sandbox.ask("d1", "/registry") == (404, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 25000},
        {"amount": "0"},
        {"amount": "0.00"},
        {"amount": "-1"},
        {"amount": "1e3"},
        {"amount": "NaN"},
        {"amount": "١٢"},
        {"msisdn": "0707000011"},
        {"msisdn": None},
        {"currency": "xof"},
        {"request_id": ""},
        {"request_id": 7},
        {"reason": 7},
        {"colour": "red"},
    ],
)
def test_an_invalid_debit_is_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    answer = sandbox.debit(**({"request_id": "d1"} | wrong))

    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json["error"]
    assert sandbox.really() == []


@pytest.mark.parametrize("body", [[], "text", None, {}])
def test_a_body_that_is_no_debit_is_refused(sandbox: Sandbox, body: object) -> None:
    assert sandbox.post("/operator/debits", body).status_code == 400


def test_a_body_that_is_no_json_is_refused(sandbox: Sandbox) -> None:
    answer = client_of(sandbox.app).post("/operator/debits", data="{", content_type="application/json")
    assert (answer.status_code, list(answer.json)) == (400, ["error"])


@pytest.mark.parametrize(
    ("digits", "reason"),
    [("02", "INSUFFICIENT_FUNDS"), ("07", "NOT_APPROVED"), ("08", "PAYER_NOT_FOUND"), ("09", "LIMIT_EXCEEDED")],
)
def test_phones_that_refuse(sandbox: Sandbox, digits: str, reason: str) -> None:
    sandbox.start(timeout_rate=1.0)
    answer = sandbox.debit(phone=PHONE + digits)
    sandbox.start(timeout_rate=0.0)

    assert (answer.status_code, answer.json) == (200, {"request_id": "d1", "status": "FAILED", "reason": reason})
    assert sandbox.get("/operator/requests/d1").json == answer.json
    assert sandbox.really() == []


def test_phone_01_pays_even_when_everything_else_times_out(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=1.0)
    assert sandbox.debit(phone=PHONE + "01").json["status"] == "SUCCESSFUL"
    assert sandbox.ask("d1")[0] == 504


def test_phone_03_is_done_and_says_504_each_time(sandbox: Sandbox) -> None:
    assert [sandbox.debit(phone=PHONE + "03").status_code for _ in range(3)] == [504, 504, 504]
    assert sandbox.ask("d1") == (200, "SUCCESSFUL")
    assert sandbox.really() == ["d1"]


def test_phone_04_loses_two_calls_of_each_request(sandbox: Sandbox) -> None:
    for request_id in ("d1", "d2"):
        for _ in range(2):
            assert sandbox.debit(request_id, PHONE + "04").status_code == 504
            assert sandbox.ask(request_id) == (404, None)
        assert sandbox.debit(request_id, PHONE + "04").json["status"] == "SUCCESSFUL"
    assert sandbox.really() == ["d1", "d2"]


def test_phone_05_pays_after_the_504(sandbox: Sandbox) -> None:
    assert sandbox.debit(phone=PHONE + "05").status_code == 504
    assert sandbox.debit(phone=PHONE + "05").status_code == 504
    assert sandbox.ask("d1") == (404, None)
    assert sandbox.really() == []

    sandbox.now += sandbox.settings.late_max_s

    assert sandbox.ask("d1") == (200, "SUCCESSFUL")
    assert sandbox.debit(phone=PHONE + "05").json["status"] == "SUCCESSFUL"
    assert sandbox.really() == ["d1"]


def test_phone_06_stays_pending(sandbox: Sandbox) -> None:
    answer = sandbox.debit(phone=PHONE + "06")
    assert (answer.status_code, answer.json) == (202, {"request_id": "d1", "status": "PENDING"})

    sandbox.now += 19.9
    assert sandbox.debit(phone=PHONE + "06").status_code == 202
    assert sandbox.ask("d1") == (200, "PENDING")
    assert sandbox.really() == []

    sandbox.now += 0.1
    assert sandbox.ask("d1") == (200, "SUCCESSFUL")
    assert sandbox.debit(phone=PHONE + "06").status_code == 200
    assert sandbox.really() == ["d1"]


def test_the_same_again_answers_the_same_and_does_nothing(sandbox: Sandbox) -> None:
    first = sandbox.debit(amount="25000")
    again = sandbox.debit(amount="25000.00")

    assert (again.status_code, again.json) == (200, first.json)
    assert sandbox.really() == ["d1"]


@pytest.mark.parametrize(
    "other", [{"amount": "25001"}, {"phone": PHONE + "12"}, {"currency": "EUR"}, {"reason": "another"}]
)
def test_an_id_used_for_something_else_is_a_conflict(sandbox: Sandbox, other: dict[str, Any]) -> None:
    sandbox.debit()
    assert sandbox.debit(**other).status_code == 409
    assert sandbox.really() == ["d1"]


def test_an_id_used_by_another_call_is_a_conflict(sandbox: Sandbox) -> None:
    sandbox.debit("d1")
    sandbox.refund("r1")
    assert sandbox.refund("d1").status_code == 409
    assert sandbox.debit("r1").status_code == 409
    assert sandbox.settle("d1").status_code == 200, "the registry has its own ids"


def test_a_call_takes_effect_at_the_end_of_its_latency(sandbox: Sandbox) -> None:
    seen: list[object] = []
    sandbox.while_waiting = lambda: seen.extend([sandbox.ask("d1"), sandbox.really()])

    assert sandbox.debit().status_code == 200
    assert seen == [(404, None), []]
    assert sandbox.ask("d1") == (200, "SUCCESSFUL")


def test_the_same_id_at_once_moves_the_money_once(sandbox: Sandbox) -> None:
    clients = 16
    together = threading.Barrier(clients)

    def rendezvous(_seconds: float) -> None:
        together.wait(timeout=10)

    app = make_app(sandbox.settings, sleep=rendezvous)
    body = {"request_id": "d1", "msisdn": PHONE + "11", "amount": "5", "currency": "XOF", "reason": ""}
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda _: client_of(app).post("/debits", json=body), range(clients)))

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert sandbox.really() == ["d1"]
