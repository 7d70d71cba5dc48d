"""Paying out: the decision of the second person, then the payout."""

from core.operation import Operation
from products.payouts.contract import PAYOUT_STEP, PAYOUTS
from worker.approval import approval
from worker.mobile_money import Payee, pay_out
from worker.partners.operators.port import Operators
from worker.process import Process, Stages
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (payout(services.partners.operators),)


def payout(operators: Operators) -> Process:
    def stages(operation: Operation) -> Stages:
        request = PAYOUTS.read(operation)
        payee = Payee(request.msisdn, request.amount, request.currency, request.text)
        return (approval(request.rejected, "payout_rejected"),), (pay_out(operators.of(operation), PAYOUT_STEP, payee),)

    return Process(PAYOUTS.kind, stages)
