"""The truth: only what really happened, at any moment, and after a restart."""

import json
import sqlite3
from pathlib import Path

from tests.sandbox import Sandbox

LATE, PENDING = "+2250707000005", "+2250707000006"
LISTS = ("debits", "refunds", "fines", "reopenings", "charges", "messages", "payouts")
NOTHING = {**{name: [] for name in LISTS}, "calls": {}, "cursor": 0}


def test_at_first_nothing_happened(sandbox: Sandbox) -> None:
    assert sandbox.truth() == NOTHING


def test_calls_are_counted_by_name(sandbox: Sandbox) -> None:
    sandbox.debit()
    sandbox.debit()
    sandbox.debit(amount="bad")
    sandbox.ask("d1")
    sandbox.settle()
    sandbox.get("/amendes?msisdn=%2B336")
    assert sandbox.truth()["calls"] == {"debit": 3, "request": 1, "settle": 1, "lookup": 1}


def test_a_late_effect_carries_the_time_it_landed(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "504-late", "late_s": 2.5})
    sandbox.debit()
    sandbox.now += 3600
    assert sandbox.truth()["debits"][0]["at"] == "2027-01-15T08:00:02.500Z"


def test_late_effects_land_in_the_order_of_their_times(sandbox: Sandbox) -> None:
    for request_id, late_s in (("d1", 9), ("d2", 3), ("d3", 6)):
        sandbox.script({"call": "debit", "answer": "504-late", "late_s": late_s})
        sandbox.debit(request_id)
    sandbox.now += 4
    assert sandbox.really() == ["d2"]
    sandbox.now += 60
    assert sandbox.really() == ["d2", "d3", "d1"]


def test_a_late_debit_may_still_be_pending(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "504-late", "late_s": 5})
    sandbox.debit(phone=PENDING)
    sandbox.now += 5
    assert sandbox.ask("d1") == (200, "PENDING")
    sandbox.now += 20
    assert sandbox.really() == ["d1"]


def test_a_late_settlement_finds_the_fine_paid(sandbox: Sandbox) -> None:
    sandbox.script({"call": "settle", "answer": "504-late", "late_s": 5})
    sandbox.settle("s1")
    assert sandbox.settle("s2").json["status"] == "SUCCESSFUL"
    sandbox.now += 5
    assert sandbox.get("/registry/requests/s1").json["reason"] == "ALREADY_PAID"
    assert sandbox.really("fines") == ["s2"]


def test_everything_survives_a_restart(sandbox: Sandbox) -> None:
    first = sandbox.debit("d1").json
    sandbox.refund("r1", amount="20000")
    sandbox.settle("s1")
    sandbox.debit("d2", LATE)
    sandbox.debit("d3", PENDING)
    sandbox.debit("d4", "+2250707000004")
    before = sandbox.truth()

    sandbox.start()

    assert sandbox.truth() == before
    assert sandbox.debit("d1").json == first
    assert sandbox.debit("d1", amount="1").status_code == 409
    assert sandbox.refund("r2", amount="5001").json["reason"] == "LIMIT_EXCEEDED"
    assert sandbox.settle("s2").json["reason"] == "ALREADY_PAID"
    assert sandbox.ask("d3") == (200, "PENDING")
    assert [sandbox.debit("d4", "+2250707000004").status_code for _ in range(2)] == [504, 200]
    sandbox.now += 20
    assert set(sandbox.really()) == {"d1", "d2", "d3", "d4"}


def test_a_state_file_of_an_earlier_version_is_opened(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its requests had no time, and there were no callbacks."""
    sandbox.debit("d1")
    sandbox.debit("d2", PENDING)
    with sqlite3.connect(tmp_path / "mock_api.sqlite") as file:
        file.execute("ALTER TABLE requests DROP COLUMN at")
        file.execute("DROP TABLE callbacks")
    file.close()

    sandbox.start()

    assert sandbox.ask("d1") == (200, "SUCCESSFUL")
    sandbox.now += 20
    assert sandbox.ask("d2") == (200, "SUCCESSFUL")
    assert sandbox.debit("d3").json["status"] == "SUCCESSFUL"
    assert sandbox.get("/_callbacks").json == {"callbacks": []}


def test_what_fell_due_while_it_was_down_happened_then(sandbox: Sandbox) -> None:
    sandbox.debit(phone=PENDING)
    sandbox.now += 3600
    sandbox.start()
    assert sandbox.truth()["debits"][0]["at"] == "2027-01-15T08:00:20.000Z"


def test_the_truth_can_be_read_on_from_a_cursor(sandbox: Sandbox) -> None:
    sandbox.debit("d1")
    cursor = sandbox.truth()["cursor"]
    sandbox.debit("d2")
    sandbox.settle("s1")

    later = sandbox.get(f"/_truth?since={cursor}").json
    assert [debit["request_id"] for debit in later["debits"]] == ["d2"]
    assert [fine["request_id"] for fine in later["fines"]] == ["s1"]
    assert sandbox.get(f"/_truth?since={later['cursor']}").json["debits"] == []
    assert sandbox.get("/_truth?since=yesterday").status_code == 400


def test_the_truth_line_by_line(sandbox: Sandbox) -> None:
    sandbox.debit("d1")
    sandbox.settle("s1")
    sandbox.refund("r1")

    answer = sandbox.get("/_truth?format=ndjson")

    assert answer.mimetype == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["seq"], line["type"], line["request_id"]) for line in lines] == [
        (1, "debit", "d1"),
        (2, "fine", "s1"),
        (3, "refund", "r1"),
    ]


def test_a_long_truth_is_whole(sandbox: Sandbox) -> None:
    # More than two of the batches it is read in.
    for n in range(2100):
        sandbox.debit(f"d{n}")
    assert sandbox.really() == [f"d{n}" for n in range(2100)]
    assert len(sandbox.get("/_truth?format=ndjson").text.splitlines()) == 2100


def test_a_reset_forgets_everything(sandbox: Sandbox) -> None:
    sandbox.script({"call": "refund", "answer": "500"})
    sandbox.debit("d1")
    sandbox.debit("d2", LATE)
    sandbox.settle()

    assert sandbox.post("/_reset", None).status_code == 200

    sandbox.now += 60
    assert sandbox.truth() == NOTHING
    assert sandbox.get("/_faults").json == {"faults": []}
    assert sandbox.debit("d1", amount="7").status_code == 200
    assert sandbox.settle("s9").json["status"] == "SUCCESSFUL"


def test_a_call_on_its_way_during_a_reset_is_lost(sandbox: Sandbox) -> None:
    sandbox.while_waiting = lambda: sandbox.post("/_reset", None)
    assert sandbox.debit().status_code == 504
    assert sandbox.really() == []


def test_unknown_paths_and_methods_are_answered_in_json(sandbox: Sandbox) -> None:
    assert sandbox.get("/nowhere").json.keys() == {"error"}
    wrong_method = sandbox.get("/operator/debits")
    assert (wrong_method.status_code, set(wrong_method.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})
    assert wrong_method.json.keys() == {"error"}
    assert sandbox.get("/healthz").status_code == 200
