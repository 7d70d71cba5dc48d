"""What a refund knows of the payment that it gives back: the debit, kept in the result of a step."""

from collections.abc import Mapping
from typing import Any

from core.clock import from_rfc3339
from core.operation import Operation
from core.steps import text_of
from worker.mobile_money import preparation
from worker.partners.operators.port import Demand

KEPT = "debit"
"""The member of the step's result."""


def kept_debit(payment: Operation, step: str, minor: int) -> dict[str, Any]:
    """Returns what a refund keeps of a payment's debit: all that an operator may need to give it back.

    minor: the amount of the debit, in minor units.
    """
    record = payment.step(step)
    known = {**payment.step(preparation(step)).result, **record.result}
    sent = text_of(record.submitted_at)
    return {KEPT: {"reference": record.reference, "minor": minor, "known": known, "submitted_at": sent}}


def debit_of(result: Mapping[str, Any], phone: str, currency: str) -> Demand | None:
    """Returns the debit from the result of the step that has kept it; None if there is none.

    phone: in E.164.
    """
    kept = result.get(KEPT)
    if kept is None:
        return None
    sent = kept["submitted_at"]
    return Demand(
        kept["reference"],
        phone,
        kept["minor"],
        currency,
        known=kept["known"],
        submitted_at=from_rfc3339(sent) if sent else None,
    )
