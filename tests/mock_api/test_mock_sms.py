"""The SMS gateway: one message for a request, and none to a number that nobody has."""

import json
from typing import Any

import pytest

from tests.sandbox import Sandbox

MESSAGE = {"request_id": "m1", "to": "+2250707000011", "text": "Transfer 2,500 XOF: done. Ref 3d8c9988"}
NOBODYS = "+2250707000099"


def test_a_message_is_sent(sandbox: Sandbox) -> None:
    answer = sandbox.post("/sms/messages", MESSAGE)

    assert (answer.status_code, answer.json["status"]) == (200, "SUCCESSFUL")
    assert sandbox.ask("m1", "/sms") == (200, "SUCCESSFUL")
    (message,) = sandbox.truth()["messages"]
    assert message.items() >= {**MESSAGE, "transaction_id": answer.json["transaction_id"]}.items()


def test_the_same_id_sends_once_and_is_used_for_nothing_else(sandbox: Sandbox) -> None:
    first = sandbox.post("/sms/messages", MESSAGE)

    assert sandbox.post("/messages", MESSAGE).json == first.json
    assert sandbox.post("/messages", {**MESSAGE, "text": "something else"}).status_code == 409
    assert sandbox.post("/messages", {**MESSAGE, "to": "+2250707000012"}).status_code == 409
    assert sandbox.really("messages") == ["m1"]


def test_the_same_text_under_another_id_is_another_message(sandbox: Sandbox) -> None:
    for request_id in ("m1", "m2"):
        sandbox.post("/messages", {**MESSAGE, "request_id": request_id})
    assert sandbox.really("messages") == ["m1", "m2"]


def test_nobodys_number_is_refused_in_time_and_for_good(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=1)
    for _ in range(2):
        refused = sandbox.post("/messages", {**MESSAGE, "to": NOBODYS})
        assert refused.json == {"request_id": "m1", "status": "FAILED", "reason": "INVALID_NUMBER"}
    sandbox.start(timeout_rate=0)
    assert sandbox.get("/requests/m1").json["reason"] == "INVALID_NUMBER"
    assert sandbox.really("messages") == []


@pytest.mark.parametrize("text", ["Оплата 2 500 XOF: выполнено", "two\nlines", "é" * 1000])
def test_any_text_arrives_as_it_was_sent(sandbox: Sandbox, text: str) -> None:
    assert sandbox.post("/messages", {**MESSAGE, "text": text}).status_code == 200
    assert sandbox.truth()["messages"][0]["text"] == text


@pytest.mark.parametrize(
    "wrong", [{"to": "0707000011"}, {"to": 225}, {"text": ""}, {"text": "x" * 1001}, {"text": None}, {"amount": "1"}]
)
def test_a_message_that_is_none(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    assert sandbox.post("/messages", MESSAGE | wrong).status_code == 400
    assert sandbox.really("messages") == []


def test_a_scripted_fault_of_the_sms_gateway_is_played(sandbox: Sandbox) -> None:
    sandbox.script(
        {"call": "sms", "answer": "503", "match": "0707"},
        {"call": "sms", "answer": "504-late", "match": "Transfer", "late_s": 3},
        {"call": "sms", "answer": "failed", "reason": "OUT_OF_CREDIT", "match": "m2"},
    )

    assert [sandbox.post("/messages", MESSAGE).status_code for _ in range(2)] == [503, 504]
    assert sandbox.ask("m1", "/sms") == (404, None)
    sandbox.now += 3
    assert sandbox.ask("m1", "/sms") == (200, "SUCCESSFUL")
    assert sandbox.post("/messages", {**MESSAGE, "request_id": "m2"}).json["reason"] == "OUT_OF_CREDIT"
    assert sandbox.really("messages") == ["m1"]


def test_a_pending_message_is_sent_later(sandbox: Sandbox) -> None:
    sandbox.script({"call": "sms", "answer": "pending"})

    assert sandbox.post("/messages", MESSAGE).status_code == 202
    assert sandbox.really("messages") == []
    sandbox.now += 20
    assert sandbox.really("messages") == ["m1"]


def test_a_line_of_the_truth_names_a_message_and_no_amount(sandbox: Sandbox) -> None:
    sandbox.post("/messages", MESSAGE)
    (line,) = sandbox.get("/_truth?format=ndjson").text.splitlines()
    effect = json.loads(line)
    assert (effect["type"], effect["request_id"]) == ("message", "m1")
    assert "amount" not in effect
