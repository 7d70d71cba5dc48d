"""Wallets: topping up from mobile money, and sending money to each other."""

from core.identity.people import People
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.money import format_minor
from core.operation import Operation
from products.wallets.contract import DEBIT_STEP, TOP_UP, TRANSFER
from worker.movements import sending, settle
from worker.partners.operator import Operator
from worker.process import Enquirable, Process, Stages, Step
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    return top_up(core.ledger, services.partners.operator), transfer(core.ledger, core.people)


def top_up(ledger: Ledger, operator: Operator) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TOP_UP.read(operation)
        reference = operation.reference(DEBIT_STEP)
        debit = Step(
            DEBIT_STEP,
            f"debit of {format_minor(request.amount, request.currency)} {request.currency}",
            submit=lambda _: operator.debit(reference, request.msisdn, request.amount, request.currency, "Wallet"),
            recovery=Enquirable(lambda _: operator.enquire(reference)),
            breaker=operator.breaker,
            moves_money=True,
        )
        move = Movement(operation.id, MOBILE_MONEY, request.wallet, request.amount, request.currency, TOP_UP.kind)
        return (debit,), (settle(ledger, move, "crediting the wallet"),)

    return Process(TOP_UP.kind, stages)


def transfer(ledger: Ledger, people: People) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TRANSFER.read(operation)
        move = Movement(operation.id, request.sender, request.to, request.amount, request.currency, TRANSFER.kind)
        return sending(ledger, people, move, "sending the money")

    return Process(TRANSFER.kind, stages)
