"""Operators see what partners said about any operation; nobody else does."""

import pytest

from core.steps import Call, StepRecord, StepState
from tests.api.kit import NO_ID, House, assert_problem
from tests.doubles import START, new_operation


def test_an_operator_sees_every_call(house: House) -> None:
    record = StepRecord("op-1:debit", StepState.SUBMITTED, attempts=1, submitted_at=START, result={"their_id": "7"})
    record = record.with_call(Call(START, 740, "submit", "unknown", {"http": 504, "body": "time-out"}))
    house.store.insert(
        "operations", new_operation(id=NO_ID, operator="mtn-ci").with_step("debit", record).to_document()
    )
    answer = house.caller().get(f"/v1/operations/{NO_ID}")
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


@pytest.mark.parametrize("id", ["%00", "op-1", "%F0%9F%94%91", "x" * 200])
def test_a_store_is_not_asked_for_what_is_no_id(house: House, monkeypatch: pytest.MonkeyPatch, id: str) -> None:
    """PostgreSQL takes no NUL in a text: it would be our mistake, and a 500."""

    def get(collection: str, id: str) -> None:
        raise AssertionError(collection, id)

    monkeypatch.setattr(house.store, "get", get)
    assert_problem(house.caller().get(f"/v1/operations/{id}"), 404, "operation_not_found")


def test_an_unknown_operation_is_a_404(house: House) -> None:
    assert_problem(house.caller().get(f"/v1/operations/{NO_ID}"), 404, "operation_not_found")
