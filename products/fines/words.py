"""What an SMS says of fines: their numbers, and in words why one was refused."""

from decimal import Decimal

from core.errors import InvalidAmount
from core.money import to_minor
from core.notices.languages import Say, say_amount, translator
from core.operation import Operation
from products.fines.contract import FINE_PAYMENT, Fine, FinePayment, check_step, reason_of

MAX_SAID = 3
"""Fines that are named: a message is short."""


def details(operation: Operation, language: str) -> str:
    """Such as `AM-2026-000123: the amount is wrong, 10 000 XOF instead of 15 000 XOF.`"""
    payment, say = FINE_PAYMENT.read(operation), translator(language)
    said = [_said(operation, payment, fine, language, say) for fine in payment.amendes[:MAX_SAID]]
    more = len(payment.amendes) - MAX_SAID
    return "; ".join([*said, *([say("and {number} more").format(number=more)] if more > 0 else [])]) + "."


def _said(operation: Operation, payment: FinePayment, fine: Fine, language: str, say: Say) -> str:
    code = reason_of(operation, fine.id) or (operation.error or {}).get("code")
    why = _why(str(code), say)
    if code == "fine_amount_mismatch":
        due = _minor(operation.step(check_step(fine.id)).result.get("due"), payment.currency)
        if due is not None:
            given, right = (say_amount(minor, payment.currency, language) for minor in (fine.amount, due))
            why = say("the amount is wrong, {given} instead of {due}").format(given=given, due=right)
    return say("{fine}: {why}").format(fine=fine.id, why=why) if why else fine.id


def _why(code: str, say: Say) -> str:
    match code:
        case "fine_amount_mismatch" | "amount_mismatch" | "fine_currency_mismatch":
            return say("the amount is wrong")
        case "fine_already_paid" | "already_paid" | "fine_already_claimed" | "fine_taken_over":
            return say("it is paid already")
        case "fine_being_paid":
            return say("somebody else is paying it")
        case "fine_cancelled" | "cancelled":
            return say("it is cancelled")
        case "unknown_fine":
            return say("there is no such fine")
        case "insufficient_funds":
            return say("not enough money")
        case "not_approved":
            return say("you did not approve it")
        case _:
            return ""


def _minor(due: object, currency: str) -> int | None:
    try:
        return None if due is None else to_minor(Decimal(str(due)), currency)
    except InvalidAmount:
        return None


DETAILS = {FINE_PAYMENT.kind: details}
