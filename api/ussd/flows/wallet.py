"""One's own wallet: what is in it, topping it up, and what came and went."""

from api.orders import held_minor, top_up, wallet_of
from api.ussd.flows.common import ask, confirm, read_minor
from api.ussd.screen import Menu, Pay, Talk, text
from core.clock import from_text
from core.store.port import JOURNAL

ENTRIES = 5


def _balance(talk: Talk) -> str:
    wallet = wallet_of(talk.core, talk.me.id)
    said = [talk.say("Balance: {amount}", amount=talk.amount(wallet["balance"], wallet["currency"]))]
    if held := held_minor(wallet):
        said.append(talk.say("Held: {amount}", amount=talk.amount(held, wallet["currency"])))
    return "\n".join(said)


def _statement(talk: Talk) -> str:
    """The newest entries: day, and what came or went."""
    found = talk.core.store.find(JOURNAL, {"account": talk.me.id}, order="-id", limit=ENTRIES)
    lines = (
        f"{from_text(entry['at']):%d/%m} {'-' if entry['amount'] < 0 else '+'}"
        f"{talk.amount(abs(entry['amount']), entry['currency'])}"
        for entry in found
    )
    return "\n".join(lines) or talk.say("Nothing yet.")


def _summary(talk: Talk) -> str:
    return talk.say("Top up {amount}.", amount=talk.amount(talk.data["amount"], talk.currency))


def _pay(talk: Talk) -> Pay:
    amount, currency = talk.data["amount"], wallet_of(talk.core, talk.me.id)["currency"]
    return Pay("Top-up", top_up(talk.me, amount, currency), amount, currency)


SCREENS = (
    Menu("balance", _balance, lambda _: [], ()),
    Menu("statement", _statement, lambda _: [], ()),
    ask(
        "recharge.amount",
        text("Amount:"),
        lambda talk, typed: {"amount": read_minor(talk, typed)},
        "recharge.pin",
    ),
    confirm("recharge.pin", _summary, _pay),
)
