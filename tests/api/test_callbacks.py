"""Operators' callbacks are taken whatever they say, and bring the enquiry forward."""

from datetime import timedelta

import pytest

from core.callbacks import MAX_BODY_BYTES
from core.operation import Status
from core.steps import StepRecord, StepState
from core.store.port import CALLBACKS
from tests.api.kit import House
from tests.doubles import START, new_operation

REFERENCE = "op-1:debit"


def waiting(house: House) -> str:
    """The path of the callback of an operation that waits for its operator."""
    later = START + timedelta(seconds=300)
    record = StepRecord(REFERENCE, StepState.SUBMITTED, attempts=1, submitted_at=START, next_at=later)
    operation = new_operation(status=Status.PROCESSING, due_at=later).with_step("debit", record)
    house.store.insert("operations", operation.to_document())
    return f"/callbacks/mtn-ci/{house.core.callbacks.token('mtn-ci', REFERENCE)}"


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("PUT", 204)])
def test_a_callback_has_the_operator_asked_now(house: House, method: str, status: int) -> None:
    path = waiting(house)
    answer = house.http.open(path, method=method, data='{"status": "SUCCESSFUL"}', content_type="application/json")
    assert answer.status_code == status
    assert house.operation("op-1").due_at == house.clock.now()
    assert house.operation("op-1").step("debit").state is StepState.SUBMITTED
    (kept,) = house.store.find(CALLBACKS, {"reference": REFERENCE})
    assert kept["body"] == '{"status": "SUCCESSFUL"}'


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"not json", b"[]", b"x" * 10**6], ids=range(5))
@pytest.mark.parametrize("kind", ["application/json", "text/xml", "", "application/x-www-form-urlencoded"])
def test_whatever_is_sent_is_answered_with_2xx(house: House, body: bytes, kind: str) -> None:
    answer = house.http.post(waiting(house), data=body, content_type=kind)
    assert answer.status_code == 200
    (kept,) = house.store.find(CALLBACKS, {"reference": REFERENCE})
    assert len(kept["body"]) <= MAX_BODY_BYTES


@pytest.mark.parametrize("token", ["nobody", "op-1:debit.AAAAAAAAAAAAAAAAAAAAAA", "%00", "é" * 500])
def test_a_stranger_is_answered_as_everybody_is_and_changes_nothing(house: House, token: str) -> None:
    waiting(house)
    before = house.operation("op-1")
    assert house.http.post(f"/callbacks/mtn-ci/{token}", data=b"{}").status_code == 200
    assert house.operation("op-1") == before
    assert house.store.find(CALLBACKS, {}) == []
