"""Wallets: topping up from mobile money, sending money to each other, and withdrawing it at a merchant."""

from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.money import to_text
from core.operation import Operation
from core.people import People
from worker.partners.operator import Operator
from worker.process import Process, Stages, Step
from worker.processes.movements import check, hold, settle

TOP_UP, TRANSFER, WITHDRAWAL = "wallet_top_up", "wallet_transfer", "wallet_withdrawal"


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
    return _sending(TRANSFER, "sending the money", ledger, people)


def withdrawal(ledger: Ledger, people: People) -> Process:
    """The merchant is credited, and hands out cash. request: as of a transfer, to the merchant's owner."""
    return _sending(WITHDRAWAL, "crediting the merchant", ledger, people)


def _sending(kind: str, label: str, ledger: Ledger, people: People) -> Process:
    def stages(operation: Operation) -> Stages:
        asked = operation.request
        move = Movement(operation.id, asked["from"], asked["to"], asked["amount"], asked["currency"], kind)
        checking = check(people, asked["from"], asked["to"])
        return (checking,), (hold(ledger, move),), (settle(ledger, move, label),)

    return Process(kind, stages)
