"""Each dialect, when nothing goes wrong: debit, refund, payout."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.dialects import DIALECTS
from core.operation import Status, redirect_of
from tests.conformance.kit import CALLED_BACK_ONLY, REDIRECTS, WITHOUT_PAYOUTS, WITHOUT_REFUNDS, Trial, assert_agrees
from tests.doubles import START
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.port import Holder, KnowsHolders


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_a_debit_succeeds(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    assert trial.run().status is Status.SUCCEEDED
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect not in WITHOUT_REFUNDS])
def test_what_was_taken_is_given_back(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.debit_and_refund
    assert trial.run().status is Status.REFUNDED
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", WITHOUT_REFUNDS)
def test_a_person_gives_back_what_an_operator_cannot(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.debit_and_refund
    assert trial.run().status is Status.NEEDS_REVIEW
    assert "refund_by_hand" in str(trial.operation.step("refund").last_error)
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect not in WITHOUT_PAYOUTS])
def test_a_payout_reaches_the_phone(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.payout
    assert trial.run().status is Status.SUCCEEDED
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", WITHOUT_PAYOUTS)
def test_an_operator_without_payouts_declines_them(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.payout
    assert trial.run().status is Status.FAILED
    assert trial.operation.step("payout").last_error == "payout_not_supported"


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect not in CALLED_BACK_ONLY])
def test_an_operator_that_cannot_reach_us_is_asked(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path, calls_back=False)
    assert trial.run().status is Status.SUCCEEDED
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", CALLED_BACK_ONLY)
def test_an_operator_that_has_to_reach_us_is_not_used_without_a_callback_host(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path, calls_back=False)
    assert trial.run().status is Status.FAILED
    assert trial.operation.error
    assert trial.operation.error["code"] == "operator_misconfigured"


@pytest.mark.parametrize("dialect", REDIRECTS)
def test_nothing_is_taken_before_the_payer_confirms(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.payer_comes = False
    trial.run(until=lambda _: trial.clock.now() > START + timedelta(seconds=60))
    assert redirect_of(trial.operation)
    assert trial.truth("debits") == []
    trial.payer_comes = True
    assert trial.run().status is Status.SUCCEEDED
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", REDIRECTS)
def test_a_payer_who_never_comes_pays_nothing(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.payer_comes = False
    assert trial.run().status is Status.FAILED
    assert redirect_of(trial.operation) is None
    assert_agrees(trial)


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_an_operator_that_knows_holders_says_whose_account_it_is(dialect: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    knows = trial.operator.dialect
    assert isinstance(knows, KnowsHolders) == DIALECTS[dialect].knows_holders
    if isinstance(knows, KnowsHolders):
        known, unknown = knows.holder(trial.phone), knows.holder(f"{trial.phone[:-2]}08")
        assert isinstance(known, Holder)
        assert isinstance(unknown, Holder)
        assert (known.active, bool(known.name), unknown.active) == (True, True, False)
