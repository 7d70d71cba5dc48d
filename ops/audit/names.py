"""Under which ids partners' records show what our operations did."""

from collections.abc import Callable, Iterable, Mapping

from core.contract import DEBIT, REFUND, Effect, Record
from core.operation import Operation
from worker.mobile_money import preparation
from worker.partners.operators.port import Demand, Operators, Service

Names = Callable[[Operation, Iterable[Effect]], Mapping[str, str]]
"""Returns the recorded id of each effect of an operation, by its reference."""


def own_references(_: Operation, effects: Iterable[Effect]) -> dict[str, str]:
    """The names of partners that record our references as they are."""
    return {effect.reference: effect.reference for effect in effects}


def names_of(operators: Operators) -> Names:
    """Returns the names in the records of operators: each dialect has ids of its own form."""

    def names(operation: Operation, effects: Iterable[Effect]) -> dict[str, str]:
        effects = list(effects)
        found = own_references(operation, effects)
        if (operation.operator or operators.default) in operators.by_name:
            debit = next((_demand(operation, effect) for effect in effects if effect.kind == DEBIT), None)
            for effect in effects:
                service = _service(operators, operation, effect)
                if service is not None:
                    demand = _demand(operation, effect, debit if effect.kind == REFUND else None)
                    found[effect.reference] = service.recorded_as(demand) or effect.reference
        return found

    return names


def _service(operators: Operators, operation: Operation, effect: Effect) -> Service | None:
    dialect = operators.of(operation).dialect
    if effect.kind.record is not Record.STATEMENT:
        return None
    return {DEBIT: dialect.debits, REFUND: dialect.refunds}.get(effect.kind, dialect.payouts)


def _demand(operation: Operation, effect: Effect, debit: Demand | None = None) -> Demand:
    name = effect.reference.partition(":")[2]
    known = {**operation.step(preparation(name)).result, **operation.step(name).result}
    return Demand(effect.reference, "", effect.minor, effect.currency, known=known, debit=debit)
