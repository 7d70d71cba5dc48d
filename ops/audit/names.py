"""Under which ids partners' records show what our operations did."""

from collections.abc import Callable, Iterable, Mapping

from core.contract import DEBIT, REFUND, Effect, Record
from core.operation import Operation
from worker.mobile_money import preparation
from worker.partners.operators.client import short_id_of, uuid4_of
from worker.partners.operators.port import Demand, Operators, Service
from worker.refunding import debit_of

Names = Callable[[Operation, Iterable[Effect]], Mapping[str, str]]
"""Returns the recorded id of each effect of an operation, by its reference; none of an effect that it cannot name."""


def own_references(_: Operation, effects: Iterable[Effect]) -> dict[str, str]:
    """The names of partners that record our references as they are."""
    return {effect.reference: effect.reference for effect in effects}


def names_of(operators: Operators) -> Names:
    """Returns the names in the records of operators: each dialect has ids of its own form.

    Without its operator, nobody knows the names of what is in an operator's statement.
    """

    def names(operation: Operation, effects: Iterable[Effect]) -> dict[str, str]:
        effects = list(effects)
        if (operation.operator or operators.default) not in operators.by_name:
            return own_references(operation, (each for each in effects if each.kind.record is not Record.STATEMENT))
        found = own_references(operation, effects)
        debit = next((_demand(operation, effect) for effect in effects if effect.kind == DEBIT), None)
        for effect in effects:
            if effect.kind == REFUND and debit is None:
                debit = _debit_elsewhere(operation, effect)
            service = _service(operators, operation, effect)
            if service is not None:
                demand = _demand(operation, effect, debit if effect.kind == REFUND else None)
                found[effect.reference] = service.recorded_as(demand) or effect.reference
        return found

    return names


def possible_names(operation: Operation, effect: Effect) -> set[str]:
    """Returns every id under which an operator may have recorded an effect, whatever its dialect."""
    given = (value for record in operation.steps.values() for value in record.result.values())
    derived = {effect.reference, uuid4_of(effect.reference), short_id_of(effect.reference)}
    return derived | {value for value in given if isinstance(value, str) and value}


def _service(operators: Operators, operation: Operation, effect: Effect) -> Service | None:
    dialect = operators.of(operation).dialect
    if effect.kind.record is not Record.STATEMENT:
        return None
    return {DEBIT: dialect.debits, REFUND: dialect.refunds}.get(effect.kind, dialect.payouts)


def _debit_elsewhere(operation: Operation, effect: Effect) -> Demand | None:
    """Returns the debit that a refund of another operation has kept."""
    kept = (debit_of(record.result, "", effect.currency) for record in operation.steps.values())
    return next((debit for debit in kept if debit is not None), None)


def _demand(operation: Operation, effect: Effect, debit: Demand | None = None) -> Demand:
    name = effect.reference.partition(":")[2]
    known = {**operation.step(preparation(name)).result, **operation.step(name).result}
    return Demand(effect.reference, "", effect.minor, effect.currency, known=known, debit=debit)
