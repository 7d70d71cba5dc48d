"""Checking a payer: one look-up at the operator of the phone."""

from core.operation import Operation
from products.payers.contract import HOLDER_STEP, PAYER_CHECK
from worker.partners.operators.port import KnowsHolders, Operator, Operators
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.process import REPEATABLE, REQUIRED, Process, Stages, Step
from worker.products import WorkerServices

ANSWERED_WITHIN_S = 30
"""Somebody waits for the answer, and pays without it otherwise."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (payer_check(services.partners.operators),)


def payer_check(operators: Operators) -> Process:
    def stages(operation: Operation) -> Stages:
        phone, operator = PAYER_CHECK.read(operation).msisdn, operators.of(operation)
        asking = Step(
            HOLDER_STEP,
            "asking the operator for the account",
            submit=lambda _: _ask(operator, phone),
            recovery=REPEATABLE,
            breaker=operator.breaker,
            obligation=REQUIRED.within(ANSWERED_WITHIN_S),
            is_lookup=True,
        )
        return ((asking,),)

    return Process(PAYER_CHECK.kind, stages)


def _ask(operator: Operator, phone: str) -> Reply:
    if not isinstance(operator.dialect, KnowsHolders):
        return Declined("payer_check_not_supported")
    holder = operator.dialect.holder(phone)
    if isinstance(holder, Unavailable):
        return holder
    return Confirmed({"active": holder.active, "name": holder.name})
