"""An operator that is asked by its own id, and does not answer for a day: its callback settles what it confirms."""

from pathlib import Path

import pytest

from core.operation import Status
from tests.conformance.kit import Trial, assert_agrees

SILENT = [{"call": "request", "answer": "504-lost", "times": 9999}]
BY_THEIR_ID = ("daraja", "mvola")


@pytest.mark.parametrize("dialect", BY_THEIR_ID)
def test_a_callback_that_confirms_settles_it(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.faults(*SILENT)
    assert trial.run().status is Status.SUCCEEDED
    assert "according to the partner's callback" in str(trial.operation.history)
    assert_agrees(trial)


@pytest.mark.parametrize("answer", ["never", "wrong-amount", "wrong-id"])
@pytest.mark.parametrize("dialect", BY_THEIR_ID)
def test_any_other_callback_leaves_it_to_a_person(dialect: str, answer: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.faults(*SILENT, {"call": "callback", "answer": answer})
    assert trial.run().status is Status.NEEDS_REVIEW


@pytest.mark.parametrize("dialect", BY_THEIR_ID)
def test_a_refusal_leaves_it_to_a_person(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.faults(*SILENT, {"call": "debit", "answer": "failed", "reason": "INSUFFICIENT_FUNDS"})
    assert trial.run().status is Status.NEEDS_REVIEW
