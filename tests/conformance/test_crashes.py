"""A worker dies at each call and after each save of each dialect: the next one leaves one debit, and one refund."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.operation import Status
from proof.simulation.chance import Crash
from tests.conformance.kit import Trial, assert_agrees
from worker.partners.operators.dialects import ADAPTERS

UNASKABLE = ("mvola", "daraja", "airtel")
"""Nobody can know whether their debit, or the refund of the last, was sent when the worker died: a callback tells, or a
person decides."""


def dying_at(number: int) -> Callable[[], None]:
    """Dies at the place of this number, counted from 0."""
    passed = -1

    def place() -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            raise Crash

    return place


def lived(dialect: str, folder: Path, dies_at: int | None) -> tuple[Trial, int]:
    """One debit and its refund. Returns also how many places were passed."""
    places = 0
    trial = Trial(dialect, folder)
    trial.flow = trial.debit_and_refund
    die = dying_at(-1 if dies_at is None else dies_at)

    def place() -> None:
        nonlocal places
        places += 1
        die()

    trial.http.passed = trial.saving = place
    trial.run()
    return trial, places


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_a_worker_that_dies_between_two_calls_leaves_one_debit(
    dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole, places = lived(dialect, tmp_path_factory.mktemp("whole"), None)
    assert places >= 4
    for number in range(places):
        trial, _ = lived(dialect, tmp_path_factory.mktemp("dying"), number)
        assert_agrees(trial)
        ended = trial.operation.status
        assert ended is whole.operation.status or (dialect in UNASKABLE and ended is Status.NEEDS_REVIEW), number
