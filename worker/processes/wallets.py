"""Wallets: topping up from mobile money, and sending money to each other."""

from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.money import to_text
from core.operation import Operation
from core.people import People
from worker.partners.operator import Operator
from worker.process import Process, Stages, Step
from worker.processes.movements import check, hold, settle

TOP_UP, TRANSFER = "wallet_top_up", "wallet_transfer"


def top_up(ledger: Ledger, operator: Operator) -> Process:
    """request: wallet (an id), msisdn (E.164), amount (minor units) and currency."""

    def stages(operation: Operation) -> Stages:
        asked = operation.request
        amount, currency = asked["amount"], asked["currency"]
        reference = operation.reference("debit")
        debit = Step(
            "debit",
            f"debit of {to_text(amount, currency)} {currency}",
            submit=lambda _: operator.debit(reference, asked["msisdn"], amount, currency, "Wallet"),
            enquire=operator.enquire,
            guard=operator.guard,
            moves_money=True,
        )
        move = Movement(operation.id, MOBILE_MONEY, asked["wallet"], amount, currency, TOP_UP)
        return (debit,), (settle(ledger, move, "crediting the wallet"),)

    return Process(TOP_UP, stages)


def transfer(ledger: Ledger, people: People) -> Process:
    """request: from and to (ids of people, whose wallets have them too), amount (minor units), currency, note."""

    def stages(operation: Operation) -> Stages:
        asked = operation.request
        move = Movement(operation.id, asked["from"], asked["to"], asked["amount"], asked["currency"], TRANSFER)
        sending = settle(ledger, move, "sending the money")
        return (check(people, asked["from"], asked["to"]),), (hold(ledger, move),), (sending,)

    return Process(TRANSFER, stages)
