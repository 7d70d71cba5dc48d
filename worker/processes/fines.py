"""Paying fines: claim them, check them, debit the payer, settle each; the money of what is refused is given back."""

from collections.abc import Mapping
from typing import Any

from core.money import to_text
from core.operation import Operation, StepState
from core.store.port import Store
from worker.partners.operator import Operator
from worker.partners.port import REFERENCE_CONFLICT
from worker.partners.registry import Registry
from worker.process import AFTER_MONEY_S, Process, Stages, Step
from worker.processes.claims import Claims

KIND = "fine_payment"

Fine = Mapping[str, Any]


def fine_payment(store: Store, operator: Operator, registry: Registry) -> Process:
    """request: msisdn (E.164), currency, amount, amendes (a list of id and amount, by id); amounts in minor units."""
    claims = Claims(store, "amende:", done=_settled, code="fine_already_claimed")

    def stages(operation: Operation) -> Stages:
        fines = operation.request["amendes"]
        checks = tuple(_check(registry, operation, fine) for fine in fines)
        settlements = tuple(_settle(registry, operation, fine) for fine in fines)
        return (_claim(claims, operation),), checks, (_debit(operator, operation),), settlements

    return Process(KIND, stages)


def _claim(claims: Claims, operation: Operation) -> Step:
    ids = [fine["id"] for fine in operation.request["amendes"]]
    release = Step(
        "release", "releasing the fines", submit=lambda current: claims.release(current, ids), deadline_s=AFTER_MONEY_S
    )
    return Step("claim", "reserving the fines", submit=lambda current: claims.take(current, ids), undo=release)


def _check(registry: Registry, operation: Operation, fine: Fine) -> Step:
    currency = operation.request["currency"]
    return Step(
        f"check:{fine['id']}",
        f"checking fine {fine['id']}",
        submit=lambda _: registry.check(fine["id"], fine["amount"], currency),
        guard=registry.guard,
    )


def _debit(operator: Operator, operation: Operation) -> Step:
    request = operation.request
    msisdn, currency, amount = request["msisdn"], request["currency"], request["amount"]
    reason = f"Amendes {', '.join(fine['id'] for fine in request['amendes'])}"[:160]
    reference = operation.reference("debit")
    refund = Step(
        "refund",
        "giving back the money of what was not settled",
        submit=lambda current: operator.refund(
            operation.reference("refund"), reference, msisdn, _unsettled_minor(current), currency
        ),
        enquire=operator.enquire,
        guard=operator.guard,
        deadline_s=AFTER_MONEY_S,
    )
    return Step(
        "debit",
        f"debit of {to_text(amount, currency)} {currency}",
        submit=lambda _: operator.debit(reference, msisdn, amount, currency, reason),
        enquire=operator.enquire,
        guard=operator.guard,
        undo=refund,
        moves_money=True,
    )


def _settle(registry: Registry, operation: Operation, fine: Fine) -> Step:
    name, currency = f"settle:{fine['id']}", operation.request["currency"]
    reference = operation.reference(name)
    return Step(
        name,
        f"settling fine {fine['id']}",
        submit=lambda _: registry.settle(reference, fine["id"], operation.id, fine["amount"], currency),
        enquire=registry.enquire,
        guard=registry.guard,
        part=True,
        deadline_s=AFTER_MONEY_S,
        echoes=frozenset({REFERENCE_CONFLICT, "already_paid"}),
    )


def _settled(operation: Operation, fine: str) -> bool:
    return operation.step(f"settle:{fine}").state is StepState.DONE


def _unsettled_minor(operation: Operation) -> int:
    """The money of the fines that are not settled, in minor units: what a refund gives back."""
    return sum(fine["amount"] for fine in operation.request["amendes"] if not _settled(operation, fine["id"]))
