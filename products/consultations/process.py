"""Charging consultations: one charge for each that was closed, however long the finance service is away."""

from core.money import format_minor
from core.operation import Operation
from products.consultations.contract import CHARGE_STEP, CONSULTATION, ConsultationSettings
from worker.partners.finance import Finance
from worker.process import OWED, Enquirable, Process, Stages, Step
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    url = services.core.settings.of(ConsultationSettings).finance_url
    return (consultation(Finance(*services.partners.connect("finance", url, Finance.REASONS))),)


def consultation(finance: Finance) -> Process:
    def stages(operation: Operation) -> Stages:
        request = CONSULTATION.read(operation)
        price, currency = request.price or 0, request.currency
        reference = operation.reference(CHARGE_STEP)
        charge = Step(
            CHARGE_STEP,
            f"charging {format_minor(price, currency)} {currency}",
            submit=lambda _: finance.charge(reference, operation.id, price, currency),
            recovery=Enquirable(lambda _: finance.enquire(reference)),
            breaker=finance.breaker,
            obligation=OWED,
        )
        return ((charge,),)

    return Process(CONSULTATION.kind, stages)
