"""Charging consultations: one charge for each that has ended, however long the finance service is away."""

from core.money import to_text
from core.operation import Operation
from worker.partners.finance import Finance
from worker.process import FOR_EVER_S, Process, Stages, Step

KIND = "consultation"


def consultation(finance: Finance) -> Process:
    """request: price (minor units) and currency; the rest is the API's."""

    def stages(operation: Operation) -> Stages:
        price, currency = operation.request["price"], operation.request["currency"]
        reference = operation.reference("charge")
        charge = Step(
            "charge",
            f"charging {to_text(price, currency)} {currency}",
            submit=lambda _: finance.charge(reference, operation.id, price, currency),
            enquire=finance.enquire,
            guard=finance.guard,
            deadline_s=FOR_EVER_S,
            owed=True,
        )
        return ((charge,),)

    return Process(KIND, stages)
