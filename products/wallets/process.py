"""Wallets: topping up from mobile money, and sending money to each other."""

from core.identity.people import People
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation
from products.wallets.contract import DEBIT_STEP, TOP_UP, TRANSFER
from worker.mobile_money import Payer, debit
from worker.movements import sending, settle
from worker.partners.operators.port import Operators
from worker.process import Process, Stages
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    return top_up(core.ledger, services.partners.operators), transfer(core.ledger, core.people)


def top_up(ledger: Ledger, operators: Operators) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TOP_UP.read(operation)
        payer = Payer(request.msisdn, request.amount, request.currency, "Wallet")
        move = Movement(operation.id, MOBILE_MONEY, request.wallet, request.amount, request.currency, TOP_UP.kind)
        taking = debit(operators.of(operation), operation, DEBIT_STEP, payer)
        return *taking, (settle(ledger, move, "crediting the wallet"),)

    return Process(TOP_UP.kind, stages)


def transfer(ledger: Ledger, people: People) -> Process:
    def stages(operation: Operation) -> Stages:
        request = TRANSFER.read(operation)
        move = Movement(operation.id, request.sender, request.to, request.amount, request.currency, TRANSFER.kind)
        return sending(ledger, people, move, "sending the money")

    return Process(TRANSFER.kind, stages)
