"""Operators see what partners said about any operation; nobody else does."""

from core.steps import Call, StepRecord, StepState
from tests.api.kit import NO_ID, House, assert_problem
from tests.doubles import START, new_operation


def test_an_operator_sees_every_call(house: House) -> None:
    record = StepRecord("op-1:debit", StepState.SUBMITTED, attempts=1, submitted_at=START, result={"their_id": "7"})
    record = record.with_call(Call(START, 740, "submit", "unknown", {"http": 504, "body": "time-out"}))
    house.store.insert("operations", new_operation(operator="mtn-ci").with_step("debit", record).to_document())
    answer = house.caller().get("/v1/operations/op-1")
    assert (answer.status_code, answer.json["operator"]) == (200, "mtn-ci")
    (shown,) = answer.json["steps"]
    assert (shown["state"], shown["result"], shown["next_at"]) == ("submitted", {"their_id": "7"}, None)
    assert shown["calls"] == [
        {
            "at": "2026-01-01T12:00:00.000000Z",
            "took_ms": 740,
            "verb": "submit",
            "reply": "unknown",
            "said": {"http": 504, "body": "time-out"},
        }
    ]


def test_an_unknown_operation_is_a_404(house: House) -> None:
    assert_problem(house.caller().get(f"/v1/operations/{NO_ID}"), 404, "operation_not_found")
