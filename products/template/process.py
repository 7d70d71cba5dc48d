"""Paying templates: one step, the debit."""

from core.operation import Operation
from products.template.contract import DEBIT_STEP, TEMPLATE_PAYMENT
from worker.mobile_money import Payer, debit
from worker.partners.operators.port import Operators
from worker.process import Process, Stages
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (template_payment(services.partners.operators),)


def template_payment(operators: Operators) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TEMPLATE_PAYMENT.read(operation)
        payer = Payer(request.msisdn, request.amount, request.currency, f"Template {request.item}")
        return debit(operators.of(operation), operation, DEBIT_STEP, payer)

    return Process(TEMPLATE_PAYMENT.kind, stages)
