"""The check of each face of the sandbox: safe, counted by its record and without it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ops.partner.check import check
from ops.partner.promise import Standing
from ops.partner.subject import Verdict
from tests.conformance.kit import WITHOUT_REFUNDS
from tests.doubles import START
from tests.ops.partner.kit import row, sandbox, verdicts
from worker.partners.operators.dialects import ADAPTERS

STANDINGS = dict.fromkeys(ADAPTERS, Standing.IDEMPOTENT) | dict.fromkeys(("mvola", "daraja"), Standing.BY_THEIRS)
REPEATS = ("repeat, when final", "repeat, at once", "another amount, same reference")


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_each_face_is_safe_and_has_its_standing(dialect: str, tmp_path: Path) -> None:
    subject, trial = sandbox(dialect, tmp_path)

    report = check(subject)

    assert not report.is_unsafe, report.rows
    assert report.standing is STANDINGS[dialect]
    assert report.window is not None
    assert report.window.seconds == 30
    assert verdicts(report)["debit"] is Verdict.OK
    assert verdicts(report)["final state"] is Verdict.OK
    made = len(trial.truth("debits"))
    assert made == (5 if dialect == "daraja" else 2)
    assert trial.clock.now() - START < timedelta(minutes=5)


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_repeats_are_safe_where_quittance_makes_them(dialect: str, tmp_path: Path) -> None:
    report = check(sandbox(dialect, tmp_path)[0])

    expected = Verdict.CAREFUL if dialect == "daraja" else Verdict.OK
    assert {verdicts(report)[name] for name in REPEATS} == {expected}
    assert ("2 for the reference" in row(report, "repeat, when final").seen) == (dialect == "daraja")


@pytest.mark.parametrize("dialect", ADAPTERS)
def test_without_its_record_no_face_is_unsafe(dialect: str, tmp_path: Path) -> None:
    report = check(sandbox(dialect, tmp_path, counted=False)[0])

    assert not report.is_unsafe, report.rows
    assert "record" not in " ".join(each.seen for each in report.rows)


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect != "generic"])
def test_wrong_credentials_are_seen_to_be_refused(dialect: str, tmp_path: Path) -> None:
    subject, _ = sandbox(dialect, tmp_path)

    assert verdicts(check(subject))["credentials"] is Verdict.OK


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect != "generic"])
def test_refused_credentials_end_the_check_before_any_money_moves(dialect: str, tmp_path: Path) -> None:
    subject, trial = sandbox(dialect, tmp_path)
    assert subject.wrong is not None

    report = check(replace(subject, dialect=subject.wrong))

    assert verdicts(report)["credentials"] is Verdict.UNSAFE
    assert "debit" not in verdicts(report)
    assert trial.truth("debits") == []


@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect not in WITHOUT_REFUNDS])
def test_a_refund_is_made_once(dialect: str, tmp_path: Path) -> None:
    subject, trial = sandbox(dialect, tmp_path)

    report = check(subject)

    if dialect == "daraja":  # its receipt comes with a callback, which the check cannot see
        assert verdicts(report)["refund"] is Verdict.UNKNOWN
        return
    assert verdicts(report)["refund, same reference again"] is Verdict.OK
    assert len(trial.truth("refunds")) == 1


def test_a_lost_answer_is_found_by_asking(tmp_path: Path) -> None:
    subject, trial = sandbox("mtn", tmp_path)
    trial.faults({"call": "debit", "dialect": "mtn", "answer": "504-done"})

    report = check(subject)

    assert "a lost answer" in row(report, "debit").seen
    assert not report.is_unsafe


def test_a_repeat_that_may_not_have_arrived_proves_nothing(tmp_path: Path) -> None:
    subject, trial = sandbox("mtn", tmp_path)
    rules = [{"call": "debit", "dialect": "mtn", "answer": answer} for answer in ("ok", "504-lost")]
    trial.faults(*rules)

    report = check(subject)

    assert "check again" in row(report, "repeat, when final").seen
    assert report.standing is Standing.BY_OURS


@pytest.mark.parametrize(("answer", "refused"), [("500", False), ("400", True)])
def test_a_token_that_fails_is_not_always_refused(answer: str, refused: bool, tmp_path: Path) -> None:
    subject, trial = sandbox("mtn", tmp_path)
    trial.faults(*[{"call": "token", "dialect": "mtn", "answer": answer}] * 4)

    report = check(subject)

    assert (verdicts(report)["credentials"] is Verdict.UNSAFE) == refused
    assert ("debit" in verdicts(report)) != refused


def test_a_request_that_never_arrived_is_no_fault_of_the_status(tmp_path: Path) -> None:
    subject, trial = sandbox("mtn", tmp_path, longest_s=20)
    trial.faults({"call": "debit", "dialect": "mtn", "answer": "504-lost"})

    report = check(subject)

    assert verdicts(report)["status lag"] is Verdict.UNKNOWN
    assert report.standing is None


def test_a_payer_without_money_leaves_the_repeats_unknown(tmp_path: Path) -> None:
    subject, _ = sandbox("mtn", tmp_path, phone="+2250507000002")

    report = check(subject)

    assert "insufficient_funds" in row(report, "final state").seen
    assert {verdicts(report)[name] for name in REPEATS} == {Verdict.UNKNOWN}
    assert not report.is_unsafe
