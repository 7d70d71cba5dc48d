"""Each dialect, when nothing goes wrong: debit, refund, payout."""

from pathlib import Path

import pytest

from core.operation import Status
from tests.conformance.kit import Trial, judge
from worker.partners.operators.dialects import ADAPTERS


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_a_debit_succeeds(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    assert trial.run().status is Status.SUCCEEDED
    judge(trial)
