"""The caller's wallet by USSD: balance, recharge and mini-statement."""

from api.ussd.common import ask_amount
from api.ussd.screen import Entry, Menu, Pay, Talk
from core.clock import from_rfc3339
from core.store.port import JOURNAL
from products.payers.ussd import confirm_from_phone
from products.wallets import ussd_transfer
from products.wallets.contract import TOP_UP, held_minor, top_up

SHOWN = 5


def _balance(talk: Talk) -> str:
    wallet = talk.core.wallet_of(talk.me.id)
    said = [talk.say("Balance: {amount}", amount=talk.amount(wallet["balance"], wallet["currency"]))]
    if held := held_minor(wallet):
        said.append(talk.say("Held: {amount}", amount=talk.amount(held, wallet["currency"])))
    return "\n".join(said)


def _statement(talk: Talk) -> str:
    """The newest entries: day, and what came or went."""
    found = talk.core.store.find(JOURNAL, {"account": talk.me.id}, order="-id", limit=SHOWN)
    lines = (
        f"{from_rfc3339(entry['at']):%d/%m} {'-' if entry['amount'] < 0 else '+'}"
        f"{talk.amount(abs(entry['amount']), entry['currency'])}"
        for entry in found
    )
    return "\n".join(lines) or talk.say("Nothing yet.")


def _summary(talk: Talk) -> str:
    return talk.say("Top up {amount}.", amount=talk.amount(talk.data["amount"], talk.currency))


def _pay(talk: Talk) -> Pay:
    amount, currency = talk.data["amount"], talk.core.wallet_of(talk.me.id)["currency"]
    return Pay("Top-up", top_up(talk.core, talk.me, amount, currency), amount, currency)


BALANCE = Menu("balance", _balance, lambda _: [], ())
STATEMENT = Menu("statement", _statement, lambda _: [], ())
RECHARGE = (
    ask_amount("recharge.amount", "recharge.pin"),
    confirm_from_phone("recharge.pin", _summary, _pay),
)
ENTRIES = (
    ussd_transfer.ENTRY,
    Entry(50, "Balance", "balance", (BALANCE,)),
    Entry(60, "Recharge", "recharge.amount", RECHARGE, (TOP_UP.kind,)),
    Entry(70, "Mini-statement", "statement", (STATEMENT,)),
)
