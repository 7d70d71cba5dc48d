"""Withdrawals: the merchant's wallet is credited, and the merchant hands out cash."""

from core.identity.people import People
from core.ledger import Ledger, Movement
from core.operation import Operation
from products.merchants.contract import WITHDRAWAL
from worker.movements import sending
from worker.process import Process, Stages
from worker.products import WorkerServices


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (withdrawal(services.core.ledger, services.core.people),)


def withdrawal(ledger: Ledger, people: People) -> Process:
    def stages(operation: Operation) -> Stages:
        request = WITHDRAWAL.read(operation)
        move = Movement(operation.id, request.sender, request.to, request.amount, request.currency, WITHDRAWAL.kind)
        return sending(ledger, people, move, "crediting the merchant")

    return Process(WITHDRAWAL.kind, stages)
