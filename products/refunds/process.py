"""Giving back: take the part, return the money, note it in the payment, and let its product follow."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.clock import Clock
from core.contract import Contract
from core.dialects import Way
from core.errors import Conflict
from core.given_back import NotAvailable, given, parts_of, released, taken
from core.ledger import SETTLE_STEP, Ledger, Movement
from core.money import format_minor
from core.operation import Operation
from core.steps import StepState
from core.store.port import OPERATIONS, Store
from products.refunds.contract import (
    GIVE_STEP,
    PUT_BACK_STEP,
    REFUND_KIND,
    REFUNDABLE,
    RETURN_STEP,
    TAKE_STEP,
    RefundRequest,
    given_items,
)
from worker.mobile_money import BY_HAND, Payer, Refund, give_back, pay_out
from worker.movements import FIRST_RETRY_S, PATIENT, hold, settle
from worker.partners.operators.port import Demand, Operator, Operators
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.process import OWED, REPEATABLE, Process, Stages, Step
from worker.products import AfterRefund, WorkerServices, after_refunds
from worker.refunding import debit_of, kept_debit

Contracts = Mapping[str, Contract[Any]]
MONEY_STEPS = RETURN_STEP, SETTLE_STEP
"""Once one of them is done, the money is back."""
CHANGED = Unavailable("the payment kept changing", called=False)


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    contracts, afters = core.settings.installed.contracts, after_refunds(services)
    return (refund(core.store, core.clock, core.ledger, services.partners.operators, contracts, afters),)


def refund(
    store: Store,
    clock: Clock,
    ledger: Ledger,
    operators: Operators,
    contracts: Contracts,
    afters: Mapping[str, AfterRefund],
) -> Process:
    """contracts, afters: of the kinds of payments."""
    parts = Parts(store, clock, contracts)

    def stages(operation: Operation) -> Stages:
        request = REFUND_KIND.read(operation)
        needs_operator = request.msisdn is not None and request.way != Way.BY_HAND
        operator = operators.of(operation) if needs_operator else None
        after = afters.get(request.of_kind)
        items = request.payment_items or request.items  # older refunds know those alone that they name
        following = tuple(_follow(after(operation, request.payment, item), item) for item in items) if after else ()
        return (_take(parts),), *_money(ledger, operator, operation.id, request), (_give(parts),), following

    return Process(REFUND_KIND.kind, stages)


class Parts:
    """The parts of refunds in the documents of payments. Every verb is safe to repeat, and raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock, contracts: Contracts) -> None:
        self._store, self._clock, self._contracts = store, clock, contracts

    def take(self, refund: Operation) -> Reply:
        """Takes the part, and keeps what is known of the debit that is given back."""
        request = REFUND_KIND.read(refund)
        payment, contract = self._read(request), self._contracts.get(request.of_kind)
        if payment is None or contract is None or contract.refunding is None or payment.status not in REFUNDABLE:
            return Declined("not_refundable")
        paid = contract.refunding.paid(payment)
        try:
            changed = taken(payment, refund.id, paid, request.amount, request.items)
        except NotAvailable as error:
            return self._save(payment, released(payment, refund.id)) or Declined(error.code)
        kept: dict[str, Any] = {}
        if contract.refunding.debit:
            kept = kept_debit(payment, contract.refunding.debit, contract.read(payment).amount)
        return self._save(payment, changed) or Confirmed(kept)

    def give(self, refund: Operation) -> Reply:
        """Notes in the payment that the money is back, and finds the items that this refund gives back as a whole."""
        request = REFUND_KIND.read(refund)
        payment, refunding = self._read(request), self._contracts[request.of_kind].refunding
        assert payment is not None
        assert refunding is not None
        paid, now = refunding.paid(payment), self._clock.now()
        changed = given(payment, refund.id, paid, request.currency, now)
        return self._save(payment, changed) or Confirmed({"items": [*parts_of(changed)[refund.id].items]})

    def put_back(self, refund: Operation) -> Reply:
        """Releases the part, unless its money is back already."""
        if any(refund.step(name).state is StepState.DONE for name in MONEY_STEPS):
            return Confirmed()
        payment = self._read(REFUND_KIND.read(refund))
        assert payment is not None
        return self._save(payment, released(payment, refund.id)) or Confirmed()

    def _read(self, request: RefundRequest) -> Operation | None:
        document = self._store.get(OPERATIONS, request.payment)
        return Operation.from_document(document) if document else None

    def _save(self, payment: Operation, changed: Operation) -> Unavailable | None:
        if changed == payment:
            return None
        try:
            self._store.replace(OPERATIONS, changed.to_document())
        except Conflict:
            return CHANGED
        return None


def _take(parts: Parts) -> Step:
    put_back = Step(
        PUT_BACK_STEP,
        "releasing the part of the payment",
        submit=parts.put_back,
        recovery=REPEATABLE,
        obligation=PATIENT,
        first_retry_s=FIRST_RETRY_S,
    )
    return Step(
        TAKE_STEP,
        "taking the part of the payment",
        submit=parts.take,
        recovery=REPEATABLE,
        undo=put_back,
        obligation=PATIENT,
        first_retry_s=FIRST_RETRY_S,
    )


def _money(ledger: Ledger, operator: Operator | None, id: str, request: RefundRequest) -> Stages:
    legs = request.legs
    move = legs and Movement(id, *legs, request.amount, request.currency, REFUND_KIND.kind)
    returned = ((_return(operator, request),),) if request.msisdn is not None else ()
    if move is None:
        return returned
    held = ((hold(ledger, move),),) if move.source not in ledger.system else ()
    return *held, *returned, (settle(ledger, move, "moving the money between the accounts"),)


def _return(operator: Operator | None, request: RefundRequest) -> Step:
    """operator: None where a person gives the money back."""
    payer = Payer(request.msisdn or "", request.amount, request.currency, "Refund")
    label = f"giving back {format_minor(request.amount, request.currency)} {request.currency}"

    def debit(current: Operation) -> Demand:
        found = debit_of(current.step(TAKE_STEP).result, payer.phone, payer.currency)
        assert found is not None  # kept when the part was taken
        return found

    if operator is None:
        by_hand = Step(RETURN_STEP, label, submit=lambda _: BY_HAND, recovery=REPEATABLE, obligation=OWED)
        return replace(by_hand, moves_money=True)
    if request.way == Way.PAYOUT:
        return replace(pay_out(operator, RETURN_STEP, payer), label=label)
    back = Refund(RETURN_STEP, label, lambda _: request.amount)
    return replace(give_back(operator, payer, back, debit), moves_money=True)


def _follow(step: Step, item: str) -> Step:
    return replace(step, is_needed=lambda current: item in given_items(current))


def _give(parts: Parts) -> Step:
    return Step(
        GIVE_STEP,
        "noting it in the payment",
        submit=parts.give,
        recovery=REPEATABLE,
        obligation=OWED,
        first_retry_s=FIRST_RETRY_S,
    )
