from datetime import timedelta
from itertools import product

import pytest

from core.errors import ForbiddenTransition
from core.operation import (
    HISTORY_HEAD,
    HISTORY_LIMIT,
    RELEASING,
    TERMINAL,
    TRANSITIONS,
    Lease,
    Operation,
    Status,
    fingerprint,
)
from core.steps import Call, StepRecord, StepState
from tests.doubles import START, new_operation

PAIRS = [(old, new) for old, new in product(Status, Status) if old is not new]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_pair_of_states_is_allowed_or_refused_by_the_table(old: Status, new: Status) -> None:
    operation = new_operation(status=old)
    if (old, new) in TRANSITIONS:
        assert operation.moved(new, START).status is new
    else:
        with pytest.raises(ForbiddenTransition):
            operation.moved(new, START)


def test_nothing_leaves_a_terminal_state_and_everything_else_can_end() -> None:
    assert not any(old in TERMINAL for old, _ in TRANSITIONS)
    for status in set(Status) - TERMINAL - {Status.NEEDS_REVIEW}:
        assert any(old is status for old, _ in TRANSITIONS)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_an_ended_operation_is_not_due_and_only_an_empty_end_releases_its_fingerprint(status: Status) -> None:
    ended = new_operation(status=Status.PROCESSING).moved(status, START)
    assert ended.due_at is None
    assert (ended.fingerprint is None) == (status in RELEASING)
    assert ended.history[-1].event == status


def test_a_document_is_read_back_as_it_was_written() -> None:
    call = Call(START, 120, "submit", "unknown", {"http": 504, "body": "<html>"})
    record = StepRecord(
        "op-1:debit", StepState.SUBMITTED, attempts=2, submitted_at=START, result={"a": 1}, calls=(call,)
    )
    operation = new_operation(lease=Lease("w", START), error={"code": "x"}).with_step("debit", record)
    operation = operation.noted(START, "note", "text", "debit")
    assert Operation.from_document(operation.to_document()) == operation


def test_a_long_history_keeps_its_beginning_and_its_end() -> None:
    operation = new_operation()
    for number in range(3 * HISTORY_LIMIT):
        operation = operation.noted(START, "note", str(number))
    texts = [entry.text for entry in operation.history]
    assert len(texts) == HISTORY_LIMIT
    assert texts[:HISTORY_HEAD] == [str(number) for number in range(HISTORY_HEAD)]
    assert texts[-1] == str(3 * HISTORY_LIMIT - 1)
    assert [entry.event for entry in operation.history].count("omitted") == 1


def test_a_long_history_stays_in_the_order_of_time() -> None:
    operation = new_operation()
    for number in range(2 * HISTORY_LIMIT):
        operation = operation.noted(START + timedelta(seconds=number), "note", str(number))
    times = [entry.at for entry in operation.history]
    assert times == sorted(times)


def test_a_fingerprint_depends_on_the_request_and_not_on_the_order_of_its_fields() -> None:
    assert fingerprint("a", {"x": 1, "y": 2}) == fingerprint("a", {"y": 2, "x": 1})
    assert len({fingerprint("a", {"x": 1}), fingerprint("b", {"x": 1}), fingerprint("a", {"x": 2})}) == 3
