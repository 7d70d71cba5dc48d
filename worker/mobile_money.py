"""The steps of payments by mobile money: debit a phone, and give money back to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from core.errors import StoreUnavailable
from core.money import format_minor
from core.operation import Operation
from core.short_references import shortened
from core.steps import REFUND_BY_HAND
from worker.partners.operators.client import PREPARE_WITHIN_S
from worker.partners.operators.port import Demand, Operator, Service
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unavailable, Unknown
from worker.policy import PAUSED, SEND_WITHIN_S, is_too_late
from worker.process import (
    AFTER_MONEY_S,
    REPEATABLE,
    REQUIRED,
    Enquirable,
    Obligation,
    Recovery,
    Stages,
    Step,
    Unaskable,
)

BY_HAND = Declined(REFUND_BY_HAND)
"""Of an operator that offers no refunds: a person gives the money back."""
NO_PAYOUTS = Declined("payout_not_supported")
"""Of an operator that offers no payouts."""
THEIR_IDS = (
    "transaction_id",
    "transaction_reference",
    "receipt",
    "session",
    "order_id",
    "payout",
    "airtel_money_id",
    "checkout_request_id",
    "merchant_request_id",
    "conversation_id",
    "originator_conversation_id",
    "server_correlation_id",
)
"""The members of a result by which people who speak with the operator name what it did."""
NOTHING_HEARD = Unknown("no callback has come")


@dataclass(frozen=True)
class Payer:
    """What is taken from a phone.

    phone: in E.164 form; minor: the amount in minor units of `currency`; text: shown to its owner.
    """

    phone: str
    minor: int
    currency: str
    text: str


Payee = Payer
"""What is paid to a phone has the same parts."""


@dataclass(frozen=True)
class Refund:
    """How the money of a debit is given back.

    name: of the step; label: what it does, in timelines.
    minor: returns how much is given back, in minor units.
    """

    name: str
    label: str
    minor: Callable[[Operation], int]


def debit(operator: Operator, operation: Operation, name: str, payer: Payer, refund: Refund | None = None) -> Stages:
    """Returns the stages of a debit: one, or two for an operator whose dialect prepares it.

    name: of the step.
    refund: how it is undone; None where nothing that follows can be refused.
    """

    def demand(current: Operation) -> Demand:
        return _demand(operator, current, name, payer)

    label = f"debit of {format_minor(payer.minor, payer.currency)} {payer.currency}"
    step = _step(operator, operator.dialect.debits, name, label, demand)
    if refund is not None:
        step = replace(step, undo=give_back(operator, payer, refund, demand))
    return (*_prepared(operator, name, demand), (replace(step, moves_money=True),))


def pay_out(operator: Operator, name: str, payee: Payee) -> Step:
    """Returns the step of a payout.

    name: of the step.
    """

    def demand(current: Operation) -> Demand:
        return _demand(operator, current, name, payee)

    label = f"payout of {format_minor(payee.minor, payee.currency)} {payee.currency}"
    service = operator.dialect.payouts or Service(lambda _: NO_PAYOUTS)
    step = _step(operator, service, name, label, demand, REQUIRED.within(AFTER_MONEY_S))
    return replace(step, moves_money=True)


def _prepared(operator: Operator, name: str, demand: Callable[[Operation], Demand]) -> Stages:
    prepare = operator.dialect.debits.prepare
    if prepare is None:
        return ()
    step = Step(
        preparation(name),
        "preparing the debit",
        submit=lambda current: prepare(demand(current)),
        recovery=REPEATABLE,
        breaker=operator.breaker,
        is_lookup=True,
        names=partial(_their_ids, name=preparation(name)),
    )
    return ((step,),)


def give_back(operator: Operator, payer: Payer, refund: Refund, debit: Callable[[Operation], Demand]) -> Step:
    """Returns the step that gives back the money of a debit, as a refund.

    debit: returns the demand of the debit.
    """

    def demand(current: Operation) -> Demand:
        back = replace(payer, minor=refund.minor(current))
        taken = _with_receipt(operator, debit(current))
        return replace(_demand(operator, current, refund.name, back), debit=taken)

    service = operator.dialect.refunds or Service(lambda _: BY_HAND)
    return _step(operator, service, refund.name, refund.label, demand, REQUIRED.within(AFTER_MONEY_S))


def _step(
    operator: Operator,
    service: Service,
    name: str,
    label: str,
    demand: Callable[[Operation], Demand],
    obligation: Obligation = REQUIRED,
) -> Step:
    def submit(current: Operation) -> Reply:
        try:
            wanted = demand(current)
        except StoreUnavailable:
            return Unavailable("our store did not answer", called=False)
        # The engine looked at the clock before the callbacks were read, which may have taken long.
        return PAUSED if is_too_late(operator.clock, current) else service.submit(wanted)

    def names(current: Operation) -> Mapping[str, str]:
        if current.step(name).submitted_at is None:
            return {}
        reference = current.reference(name)
        ours = service.recorded_as(Demand(reference, "", 0, ""))
        known = {} if ours in ("", reference, shortened(reference)) else {"reference": ours}
        return known | _their_ids(current, name)

    return Step(
        name,
        label,
        submit=submit,
        recovery=_recovery(operator, service, demand),
        breaker=operator.breaker,
        obligation=obligation,
        settle_window_s=_settle_window_s(operator),
        names=names,
    )


def _their_ids(current: Operation, name: str) -> dict[str, str]:
    result = current.step(name).result
    return {key: value for key in THEIR_IDS if isinstance(value := result.get(key), str) and value}


def _settle_window_s(operator: Operator) -> float | None:
    """The operator's own window begins when the request is sent; ours, when the intent is saved."""
    window_s = operator.settle_window_s
    return None if window_s is None else SEND_WITHIN_S + PREPARE_WITHIN_S + window_s


def _recovery(operator: Operator, service: Service, demand: Callable[[Operation], Demand]) -> Recovery:
    ask = service.ask
    if ask is not None and not service.asked_by_theirs:
        return Enquirable(lambda current: ask(demand(current)))
    by_theirs = None if ask is None else (lambda current: ask(demand(current)))
    return Unaskable(lambda current: _heard(operator, service, demand(current)), by_theirs, service.asked_by_theirs)


def _heard(operator: Operator, service: Service, demand: Demand) -> Reply:
    """Returns what the first callback says that decides, or else the first that contains the operator's own id.

    Others do not count: anything may have been sent there. Where the operator's own id is known, it could be asked, and
    only a confirmation of this amount under this id counts: a refusal names neither an amount nor a payer.
    """
    if service.read is None:
        return NOTHING_HEARD
    replies = [service.read(demand, body) for body in operator.heard(demand.reference)]
    deciding = Confirmed if demand.known.get(service.asked_by_theirs) else Confirmed | Declined
    decided = (reply for reply in replies if isinstance(reply, deciding))
    identified = (reply for reply in replies if isinstance(reply, Pending))
    return next(decided, None) or next(identified, None) or NOTHING_HEARD


def _with_receipt(operator: Operator, debit: Demand) -> Demand:
    """Returns a debit with what its callback says: asking may not give the receipt that a refund needs."""
    reply = _heard(operator, operator.dialect.debits, debit)
    return replace(debit, known={**debit.known, **reply.result}) if isinstance(reply, Confirmed) else debit


def _demand(operator: Operator, current: Operation, name: str, payer: Payer) -> Demand:
    reference = current.reference(name)
    return Demand(
        reference,
        payer.phone,
        payer.minor,
        payer.currency,
        payer.text,
        operator.callback_url(reference),
        {**current.step(preparation(name)).result, **current.step(name).result},
        submitted_at=current.step(name).submitted_at,
    )


def preparation(name: str) -> str:
    """The name of the step that prepares another one."""
    return f"{name}:prepare"
