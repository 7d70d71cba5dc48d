"""Templates, paid by mobile money: the payer is debited once."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.contract import DEBIT, Contract, Door, Effect, Request, effect_of
from core.operation import Operation

DEBIT_STEP = "debit"


@dataclass(frozen=True)
class TemplatePayment(Request):
    """msisdn: E.164; item: what is paid for; amount: minor units."""

    msisdn: str
    item: str
    amount: int
    currency: str


def effects(operation: Operation) -> Iterator[Effect]:
    """The debit."""
    request = TEMPLATE_PAYMENT.read(operation)
    return effect_of(operation, DEBIT_STEP, DEBIT, request.amount, request.currency)


TEMPLATE_PAYMENT = Contract("template_payment", TemplatePayment, frozenset({Door.HTTP}), (DEBIT,), effects)
CONTRACTS = (TEMPLATE_PAYMENT,)
