"""Scripted answers: each is given, in order, and does what it says and no more."""

import json
from typing import Any

import pytest

from tests.answers import client_of
from tests.sandbox import Sandbox


@pytest.mark.parametrize(
    ("answer", "status", "done"),
    [
        ("504-lost", 504, False),
        ("504-done", 504, True),
        ("400", 400, False),
        ("404", 404, False),
        ("409", 409, False),
        ("429", 429, False),
        ("500", 500, False),
        ("503", 503, False),
        ("html", 200, False),
        ("truncated", 200, True),
        ("wrong-id", 200, True),
        ("ok", 200, True),
    ],
)
def test_an_answer_is_given_once(sandbox: Sandbox, answer: str, status: int, done: bool) -> None:
    sandbox.script({"call": "debit", "answer": answer})

    assert sandbox.debit().status_code == status
    assert sandbox.really() == (["d1"] if done else [])
    assert sandbox.debit().json["status"] == "SUCCESSFUL"
    assert sandbox.really() == ["d1"]


@pytest.mark.parametrize("answer", ["400", "500", "503", "html", "truncated", "wrong-id", "reset", "hang"])
@pytest.mark.parametrize("done", [True, False])
def test_a_rule_says_whether_the_call_is_done(sandbox: Sandbox, answer: str, done: bool) -> None:
    sandbox.script({"call": "debit", "answer": answer, "done": done})
    if answer in ("reset", "hang"):
        with pytest.raises(ConnectionResetError):
            sandbox.debit()
    else:
        sandbox.debit()
    assert sandbox.really() == (["d1"] if done else [])


@pytest.mark.parametrize("answer", ["429", "503"])
def test_retry_after(sandbox: Sandbox, answer: str) -> None:
    sandbox.script({"call": "debit", "answer": answer}, {"call": "debit", "answer": answer, "retry_after": 7})
    assert [sandbox.debit().headers["Retry-After"] for _ in range(2)] == ["1", "7"]


def test_what_the_spoilt_answers_look_like(sandbox: Sandbox) -> None:
    sandbox.script(*({"call": "debit", "answer": answer} for answer in ("html", "truncated", "wrong-id")))
    html, truncated, wrong = (sandbox.debit() for _ in range(3))

    assert (html.mimetype, html.text[:15]) == ("text/html", "<!doctype html>")
    assert truncated.mimetype == "application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(truncated.text)
    assert wrong.json["request_id"] == "not-d1"
    assert wrong.json["status"] == "SUCCESSFUL"


def test_a_late_effect_lands_when_the_rule_says(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "504-late", "late_s": 3})
    assert sandbox.debit().status_code == 504
    sandbox.now += 2.9
    assert sandbox.ask("d1") == (404, None)
    sandbox.now += 0.1
    assert sandbox.ask("d1") == (200, "SUCCESSFUL")


def test_a_late_effect_finds_the_resent_one_done(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "504-late", "late_s": 3})
    sandbox.debit()
    first = sandbox.debit().json
    sandbox.now += 60
    assert sandbox.get("/operator/requests/d1").json == first
    assert sandbox.really() == ["d1"]


def test_scripted_outcomes(sandbox: Sandbox) -> None:
    sandbox.script(
        {"call": "debit", "answer": "failed", "reason": "LIMIT_EXCEEDED"},
        {"call": "debit", "answer": "pending", "late_s": 5},
        {"call": "settle", "answer": "failed", "reason": "CANCELLED"},
    )
    assert sandbox.debit("d1").json == {"request_id": "d1", "status": "FAILED", "reason": "LIMIT_EXCEEDED"}
    assert sandbox.debit("d2").status_code == 202
    assert sandbox.debit("d1").json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.settle("s1").json["reason"] == "CANCELLED"
    assert sandbox.get("/registry/amendes/AM-2026-000123").json["status"] == "DUE"
    sandbox.now += 5
    assert sandbox.really() == ["d2"]


def test_the_sandbox_s_own_contract_has_the_outcomes_of_the_dialects_too(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "expired"}, {"call": "debit", "answer": "status-lags", "late_s": 5})
    assert sandbox.debit("d1").json["reason"] == "EXPIRED"
    assert sandbox.debit("d2").json["status"] == "SUCCESSFUL"
    assert sandbox.ask("d2") == (404, None)
    sandbox.now += 5
    assert sandbox.ask("d2") == (200, "SUCCESSFUL")
    assert sandbox.really() == ["d2"]


def test_hanging_lasts_longer_than_any_client_waits(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "hang"}, {"call": "debit", "answer": "hang", "latency_s": 40})
    for seconds in (300, 40):
        with pytest.raises(ConnectionResetError):
            sandbox.debit()
        assert sandbox.slept[-1] == seconds


@pytest.mark.parametrize(
    ("call", "path"),
    [("request", "/operator/requests/d1"), ("fine", "/amendes/AM-2026-000123"), ("lookup", "/amendes?msisdn=%2B336")],
)
@pytest.mark.parametrize("answer", ["504-lost", "504-done", "504-late", "503", "500"])
def test_calls_that_only_read_can_fail_too(sandbox: Sandbox, call: str, path: str, answer: str) -> None:
    sandbox.debit()
    sandbox.script({"call": call, "answer": answer})
    assert sandbox.get(path).status_code == int(answer[:3])
    assert sandbox.get(path).status_code == 200


def test_refunds_and_settlements_can_fail_too(sandbox: Sandbox) -> None:
    sandbox.debit()
    sandbox.script({"call": "settle", "answer": "504-done"}, {"call": "refund", "answer": "504-lost"})
    assert (sandbox.settle().status_code, sandbox.really("fines")) == (504, ["s1"])
    assert (sandbox.refund().status_code, sandbox.really("refunds")) == (504, [])


def test_rules_are_used_in_order_by_the_calls_they_fit(sandbox: Sandbox) -> None:
    sandbox.script(
        {"call": "debit", "match": "other", "answer": "500"},
        {"call": "debit", "match": "0011", "answer": "503", "times": 2},
        {"call": "debit", "answer": "429"},
    )
    assert [sandbox.debit().status_code for _ in range(4)] == [503, 503, 429, 200]
    assert sandbox.get("/_faults").json == {
        "faults": [{"call": "debit", "match": "other", "answer": "500", "times": 1}]
    }
    assert sandbox.debit("another-1").status_code == 500


def test_a_fine_is_matched_by_its_id(sandbox: Sandbox) -> None:
    sandbox.script({"call": "settle", "match": "000124", "answer": "503"})
    assert sandbox.settle("s1", "AM-2026-000123").status_code == 200
    assert sandbox.settle("s2", "AM-2026-000124", amount="10000").status_code == 503


def test_a_script_wins_over_magic_phones_and_chance(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=1.0)
    sandbox.script({"call": "debit", "answer": "ok", "times": 2}, {"call": "debit", "answer": "503"})
    assert sandbox.debit("d1", "+2250707000003").status_code == 200
    assert sandbox.debit("d2").status_code == 200
    assert sandbox.debit("d3", "+2250707000001").status_code == 503


def test_the_script_can_be_taken_back(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "500"})
    assert client_of(sandbox.app).delete("/_faults").json == {"faults": []}
    assert sandbox.debit().status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        {"call": "debit"},
        {"answer": "500"},
        {"call": "pay", "answer": "500"},
        {"call": "debit", "answer": "teapot"},
        {"call": "debit", "answer": ["500"]},
        {"call": "debit", "answer": "500", "times": 0},
        {"call": "debit", "answer": "500", "times": True},
        {"call": "debit", "answer": "500", "latency_s": -1},
        {"call": "debit", "answer": "500", "latency_s": "1"},
        {"call": "debit", "answer": "500", "match": 7},
        {"call": "debit", "answer": "500", "colour": "red"},
        {"call": "debit", "answer": "500", "reason": "WHY"},
        {"call": "debit", "answer": "failed"},
        {"call": "debit", "answer": "504-done", "done": False},
        {"call": "request", "answer": "pending"},
        {"call": "lookup", "answer": "wrong-id"},
        {"call": "token", "answer": "wrong-id"},
        {"call": "settle", "answer": "expired"},
        {"call": "debit", "answer": "reason-object"},
        {"call": "debit", "answer": "early"},
        {"call": "callback", "answer": "503"},
        {"call": "callback", "answer": "wrong-id", "done": True},
        {"call": "debit", "dialect": "generic", "answer": "503"},
        {"call": "debit", "dialect": "mtn", "answer": "ambiguous"},
        "debit",
    ],
)
def test_a_bad_rule_is_refused_with_all_its_script(sandbox: Sandbox, bad: Any) -> None:
    answer = sandbox.post("/_faults", [{"call": "debit", "answer": "500"}, bad])
    assert answer.status_code == 422
    assert "rule 2" in answer.json["error"]
    assert sandbox.get("/_faults").json == {"faults": []}


@pytest.mark.parametrize("body", [None, "504", {"call": "debit", "answer": "500"}])
def test_a_script_is_a_list(sandbox: Sandbox, body: object) -> None:
    assert sandbox.post("/_faults", body).status_code == 422
    assert sandbox.post("/_faults", {"faults": [{"call": "debit", "answer": "500"}]}).status_code == 200
