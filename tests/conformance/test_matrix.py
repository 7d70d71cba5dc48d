"""Every dialect under every fault: the money moves at most once, and the end agrees with what really happened."""

from pathlib import Path
from typing import Any

import pytest

from core.operation import Status
from tests.conformance.kit import WITHOUT_PAYOUTS, Trial, assert_agrees
from worker.partners.operators.dialects import ADAPTERS

Rule = dict[str, Any]

ANSWERS = ("504-lost", "504-done", "504-late", "429", "503", "500", "html", "truncated", "reset", "hang", "wrong-id")
WRITTEN: dict[str, list[Rule]] = {
    **{answer: [{"call": "debit", "answer": answer}] for answer in ANSWERS},
    "refused": [{"call": "debit", "answer": "failed", "reason": "INSUFFICIENT_FUNDS"}],
    "the payer lets it expire": [{"call": "debit", "answer": "expired"}],
    "the status lags the effect": [{"call": "debit", "answer": "status-lags", "late_s": 8}],
    "lost twice": [{"call": "debit", "answer": "504-lost", "times": 2}],
    "done, and the repeat too": [{"call": "debit", "answer": "504-done", "times": 3}],
    "pending for long": [{"call": "debit", "answer": "pending", "late_s": 100}],
    "lost, then the status fails": [
        {"call": "debit", "answer": "504-lost"},
        {"call": "request", "answer": "500", "times": 6},
    ],
    "done, then the status fails": [
        {"call": "debit", "answer": "504-done"},
        {"call": "request", "answer": "503", "times": 6},
    ],
}
ASKED: dict[str, list[Rule]] = {
    f"asked: {answer}": [{"call": "request", "answer": answer, "times": 3}]
    for answer in ("504-lost", "500", "429", "503", "html", "truncated", "reset", "404")
}
TOKENS: dict[str, list[Rule]] = {
    "the token expires before the debit": [{"call": "debit", "answer": "token-expired"}],
    "the token expires between two calls": [{"call": "request", "answer": "token-expired"}],
    "no token": [{"call": "token", "answer": "503", "times": 3}],
    "the token's answer is lost": [{"call": "token", "answer": "504-lost", "times": 2}],
    "the first of two calls is lost": [{"call": "account", "answer": "504-lost", "times": 2}],
}
CALLBACKS: dict[str, list[Rule]] = {
    f"callback: {answer}": [{"call": "callback", "answer": answer, "late_s": 60}]
    for answer in (
        *("early", "forged", "twice", "late", "never", "wrong-amount", "wrong-id", "unknown-operation", "huge"),
    )
}
LOST_AND_CALLED_BACK: dict[str, list[Rule]] = {
    f"lost answer, callback {answer}": [
        {"call": "debit", "answer": "504-done"},
        {"call": "callback", "answer": answer, "late_s": 60},
    ]
    for answer in ("never", "late", "early", "forged", "wrong-amount")
}
OF_ONE: dict[str, list[Rule]] = {
    "mtn: reason as an object": [
        {"call": "debit", "answer": "failed", "reason": "NOT_APPROVED"},
        {"call": "request", "answer": "reason-object", "times": 9},
    ],
    "airtel: ambiguous": [{"call": "debit", "answer": "ambiguous"}],
    "daraja: unreachable, then a success": [{"call": "debit", "answer": "unreachable"}],
    "gsma: poll limit": [{"call": "debit", "answer": "poll-limit"}],
    "gsma: synchronous": [{"call": "debit", "answer": "synchronous"}],
}
FAULTS: dict[str, list[Rule]] = {**WRITTEN, **ASKED, **TOKENS, **CALLBACKS, **LOST_AND_CALLED_BACK, **OF_ONE}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dialect", ADAPTERS)
def test_a_debit_ends_as_it_really_did(dialect: str, fault: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.faults(*FAULTS[fault])
    trial.run()
    assert_agrees(trial)


@pytest.mark.parametrize("fault", [*ANSWERS, "refused"])
@pytest.mark.parametrize("dialect", ADAPTERS)
def test_a_refund_ends_as_it_really_did(dialect: str, fault: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.debit_and_refund
    trial.faults(*({**rule, "call": "refund"} for rule in WRITTEN[fault]))
    trial.run()
    assert_agrees(trial)


@pytest.mark.parametrize("fault", [*ANSWERS, "refused"])
@pytest.mark.parametrize("dialect", [dialect for dialect in ADAPTERS if dialect not in WITHOUT_PAYOUTS])
def test_a_payout_ends_as_it_really_did(dialect: str, fault: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.flow = trial.payout
    trial.faults(*({**rule, "call": "payout"} for rule in WRITTEN[fault]))
    trial.run()
    assert_agrees(trial)


CERTAIN = ("generic", "mtn", "gsma", "airtel", "orange-cm", "orange-webpay", "wave")
"""Dialects whose operator can always be asked: nothing that passes is left to a person."""


LOST_FOR_GOOD = ("orange-webpay", "wrong-id")
"""The pay token itself is wrong, and there is nothing else to ask by."""
ASKABLE = [
    (dialect, fault)
    for dialect in ADAPTERS
    for fault in (*WRITTEN, *ASKED, *TOKENS, *CALLBACKS)
    if dialect in CERTAIN and (dialect, fault) != LOST_FOR_GOOD
]


@pytest.mark.parametrize(("dialect", "fault"), ASKABLE)
def test_no_debit_needs_a_person_where_the_operator_can_be_asked(dialect: str, fault: str, tmp_path: Path) -> None:
    trial = Trial(dialect, tmp_path)
    trial.faults(*FAULTS[fault])
    assert trial.run().status in (Status.SUCCEEDED, Status.FAILED)
