"""Paying fines: reserve them, check them, debit the payer, settle each; the money of refused fines is given back.

Looking them up is one question to the registry.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict

from core.bootstrap import Core
from core.clock import Clock
from core.errors import StoreUnavailable
from core.keeping import Keeping
from core.operation import Operation
from core.store.port import Store
from products.fines import contract
from products.fines.contract import FINE_ID, FINE_PAYMENT, Fine, FinePayment, FinesSettings
from products.fines.lookup import FINE_LOOKUP, LOOKUP_STEP, MAX_LISTED, FineLookup
from products.refunds.contract import reopen_step
from worker.mobile_money import Payer, Refund, debit
from worker.partners.operators.port import Operator, Operators
from worker.partners.port import REFERENCE_CONFLICT, Confirmed, Declined, Reply, Unavailable
from worker.partners.registry import KnownFine, Registry
from worker.policy import PAUSED, is_too_late
from worker.process import AFTER_MONEY_S, OPTIONAL, OWED, REPEATABLE, REQUIRED, Enquirable, Process, Stages, Step
from worker.products import AfterRefund, WorkerServices
from worker.reservations import Reservations

ANSWERED_WITHIN_S = 30
"""Somebody waits for the answer, and pays without it otherwise."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core: Core = services.core
    settings = core.settings.of(FinesSettings)
    connection = services.partners.connect("registry", settings.registry_url, Registry.REASONS)
    registry = Registry(*connection, settings.registry_currency)
    operators, payer_time_s = services.partners.operators, core.settings.payer_time_s
    return fine_payment(core.store, core.clock, operators, registry, payer_time_s), fine_lookup(registry)


def after_refund(services: WorkerServices) -> Mapping[str, AfterRefund]:
    """The city asks for fines again whose money was given back."""
    settings = services.core.settings.of(FinesSettings)
    connection = services.partners.connect("registry", settings.registry_url, Registry.REASONS)
    return {FINE_PAYMENT.kind: reopening(Registry(*connection, settings.registry_currency))}


def reopening(registry: Registry) -> AfterRefund:
    def reopen(refund: Operation, payment: str, fine: str) -> Step:
        reference = refund.reference(reopen_step(fine))
        return Step(
            reopen_step(fine),
            f"reopening fine {fine}",
            submit=lambda _: registry.reopen(reference, fine, payment),
            recovery=Enquirable(lambda _: registry.enquire(reference)),
            breaker=registry.breaker,
            obligation=OWED.within(AFTER_MONEY_S),
        )

    return reopen


def fine_payment(
    store: Store, clock: Clock, operators: Operators, registry: Registry, payer_time_s: float = 300
) -> Process:
    """payer_time_s: how long a fine is kept for payers who have not approved, until others may pay it too."""
    reservations = Reservations(
        store,
        clock,
        contract.RESERVED,
        done=contract.is_used_up,
        has_money=contract.has_money,
        gave_up=contract.gave_up,
        keeping=Keeping(payer_time_s),
        code=contract.ALREADY_CLAIMED,
        busy_code=contract.BEING_PAID,
        lost_code=contract.TAKEN_OVER,
    )

    def stages(operation: Operation) -> Stages:
        request = FINE_PAYMENT.read(operation)
        checks = tuple(_check(registry, request.currency, fine) for fine in request.amendes)
        settlements = tuple(
            _settle(reservations, clock, registry, operation, request.currency, fine) for fine in request.amendes
        )
        debit_stages = _debit(operators.of(operation), operation, request)
        return (_claim(reservations, request),), checks, *debit_stages, settlements

    return Process(FINE_PAYMENT.kind, stages)


def fine_lookup(registry: Registry) -> Process:
    def stages(operation: Operation) -> Stages:
        request = FINE_LOOKUP.read(operation)
        asking = Step(
            LOOKUP_STEP,
            "asking the registry for fines",
            submit=lambda _: _look_up(registry, request),
            recovery=REPEATABLE,
            breaker=registry.breaker,
            obligation=REQUIRED.within(ANSWERED_WITHIN_S),
            is_lookup=True,
        )
        return ((asking,),)

    return Process(FINE_LOOKUP.kind, stages)


def _look_up(registry: Registry, request: FineLookup) -> Reply:
    if request.id is not None:
        known: list[KnownFine] | Declined | Unavailable = registry.show(request.id)
    elif request.plate is not None:
        known = registry.owed(immatriculation=request.plate)
    else:
        known = registry.owed(msisdn=request.msisdn or "")
    if not isinstance(known, list):
        return known
    payable = [asdict(fine) for fine in known if re.fullmatch(FINE_ID, fine.id, re.ASCII)]
    return Confirmed({"fines": payable[:MAX_LISTED]})


def _claim(reservations: Reservations, request: FinePayment) -> Step:
    ids = [fine.id for fine in request.amendes]
    release = Step(
        contract.RELEASE,
        "releasing the fines",
        submit=lambda current: reservations.release(current, ids),
        recovery=REPEATABLE,
        obligation=REQUIRED.within(AFTER_MONEY_S),
    )
    return Step(
        contract.CLAIM,
        "reserving the fines",
        submit=lambda current: reservations.take(current, ids),
        recovery=REPEATABLE,
        undo=release,
    )


def _check(registry: Registry, currency: str, fine: Fine) -> Step:
    return Step(
        contract.check_step(fine.id),
        f"checking fine {fine.id}",
        submit=lambda _: registry.check(fine.id, fine.amount, currency),
        recovery=REPEATABLE,
        breaker=registry.breaker,
        is_lookup=True,
    )


def _debit(operator: Operator, operation: Operation, request: FinePayment) -> Stages:
    text = f"Amendes {', '.join(fine.id for fine in request.amendes)}"[:160]
    payer = Payer(request.msisdn, request.amount, request.currency, text)
    label = "giving back the money of what was not settled"
    return debit(
        operator, operation, contract.DEBIT_STEP, payer, Refund(contract.REFUND_STEP, label, contract.unsettled_minor)
    )


def _settle(
    reservations: Reservations, clock: Clock, registry: Registry, operation: Operation, currency: str, fine: Fine
) -> Step:
    name = contract.settle_step(fine.id)
    reference = operation.reference(name)

    def settle(current: Operation) -> Reply:
        try:
            # Another payer may have approved before. The debit was saved before this call.
            lost = reservations.keep(current, fine.id)
        except StoreUnavailable:
            return Unavailable("our store did not answer", called=False)
        if lost is not None:
            return lost
        if is_too_late(clock, current):
            return PAUSED
        return registry.settle(reference, fine.id, operation.id, fine.amount, currency)

    return Step(
        name,
        f"settling fine {fine.id}",
        submit=settle,
        recovery=Enquirable(lambda _: registry.enquire(reference)),
        breaker=registry.breaker,
        obligation=OPTIONAL,
        ambiguous_on_retry=frozenset({REFERENCE_CONFLICT, "already_paid"}),
    )
