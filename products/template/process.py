"""Paying templates: one step, the debit."""

from core.money import format_minor
from core.operation import Operation
from products.template.contract import DEBIT_STEP, TEMPLATE_PAYMENT
from worker.partners.operator import Operator
from worker.process import Enquirable, Process, Stages, Step
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (template_payment(services.partners.operator),)


def template_payment(operator: Operator) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TEMPLATE_PAYMENT.read(operation)
        reference = operation.reference(DEBIT_STEP)
        debit = Step(
            DEBIT_STEP,
            f"debit of {format_minor(request.amount, request.currency)} {request.currency}",
            submit=lambda _: operator.debit(
                reference, request.msisdn, request.amount, request.currency, f"Template {request.item}"
            ),
            recovery=Enquirable(lambda _: operator.enquire(reference)),
            breaker=operator.breaker,
            moves_money=True,
        )
        return ((debit,),)

    return Process(TEMPLATE_PAYMENT.kind, stages)
