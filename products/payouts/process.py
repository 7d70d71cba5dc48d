"""Paying out: the decision of the second person, then the payout."""

from core.operation import Operation
from products.payouts.contract import APPROVAL_STEP, PAYOUT_STEP, PAYOUTS, PayoutRequest
from worker.mobile_money import Payee, pay_out
from worker.partners.operators.port import Operators
from worker.partners.port import Confirmed, Declined, Reply
from worker.process import REPEATABLE, Process, Stages, Step
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (payout(services.partners.operators),)


def payout(operators: Operators) -> Process:
    def stages(operation: Operation) -> Stages:
        request = PAYOUTS.read(operation)
        payee = Payee(request.msisdn, request.amount, request.currency, request.text)
        return (_approval(request),), (pay_out(operators.of(operation), PAYOUT_STEP, payee),)

    return Process(PAYOUTS.kind, stages)


def _approval(request: PayoutRequest) -> Step:
    """The step that declines a rejected payout. What needs no approval passes it, too."""

    def decide(_: Operation) -> Reply:
        return Declined("payout_rejected") if request.rejected else Confirmed()

    return Step(
        APPROVAL_STEP,
        "reading the decision",
        submit=decide,
        recovery=REPEATABLE,
        saves_intent=False,
        is_lookup=True,
    )
