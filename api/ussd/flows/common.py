"""Screens and readings that several flows share: phones, amounts, and the PIN that confirms a payment."""

import re
from collections.abc import Callable
from dataclasses import asdict, replace

from api.errors import Problem
from api.fields import read_amount
from api.ussd.fit import short
from api.ussd.screen import END, Ask, End, Go, Heading, Pay, Talk, Wrong
from core.accept import Order, accept
from core.errors import InvalidAmount, TooManyAttempts
from core.languages import LANGUAGES, plain
from core.money import exponent, to_minor
from core.outcomes import Tell, reference
from core.pins import is_pin, is_weak

SMS = "sms"
LONGEST_NAME = 14

_THOUSANDS = re.compile(r"[.,] ?[0-9]{3}$")
"""`10,000` is ten thousand to some and ten to others: not to be guessed, unless the currency has such decimals."""

PROBLEMS = {
    "insufficient_funds": "Not enough money.",
    "service_retired": "No longer offered.",
}
"""What may be wrong at the last moment, by the code of the problem."""


def ask(
    name: str, heading: Heading, read: Callable[[Talk, str], dict[str, object]], then: str, secret: bool = False
) -> Ask:
    """A question whose answer is remembered, and leads to one screen."""
    return Ask(name, heading, lambda talk, typed: Go(then, read(talk, typed)), (then,), secret)


def read_minor(talk: Talk, typed: str) -> int:
    """An amount in minor units of the wallet's currency. Raises Wrong."""
    amount = read_amount(typed.replace(" ", "").replace(",", "."))
    ambiguous = _THOUSANDS.search(typed) and exponent(talk.currency) < 3
    try:
        if amount is not None and not ambiguous:
            return to_minor(amount, talk.currency)
    except InvalidAmount:
        pass
    raise Wrong(talk.say("Not an amount."))


def told(talk: Talk, name: str) -> str:
    """A name as it fits on a screen: cut when it is in the letters of the screen, of which it may need more."""
    return short(plain(name, talk.language), LONGEST_NAME)


def confirm(name: str, summary: Heading, pay: Callable[[Talk], Pay]) -> Ask:
    """The summary of a payment, and the PIN that confirms it. pay: raises Wrong for what cannot be paid any more."""

    def read(talk: Talk, typed: str) -> End:
        check_pin(talk, typed)
        wanted, core = pay(talk), talk.core
        try:
            wanted.check()
        except Problem as problem:
            return End(talk.say(PROBLEMS.get(problem.problem_code, "Not possible.")))
        tell = Tell(talk.msisdn, talk.language, wanted.what, wanted.amount, wanted.currency)
        order = replace(wanted.order, idempotency_key=talk.key, tell=asdict(tell))
        id = accept(core.store, core.broker, core.clock, order).operation.id
        return End(talk.say("Accepted. Ref {ref}. You will get an SMS.", ref=reference(id)), tells=id)

    return Ask(name, lambda talk: f"{summary(talk)}\n{talk.say('PIN:')}", read, (END,), secret=True)


def check_pin(talk: Talk, typed: str) -> None:
    """Raises Wrong, also for a PIN that is locked; of that its owner is told by SMS."""
    if not is_pin(typed):
        raise Wrong(talk.say("4 to 6 digits."))
    try:
        if talk.pins.verify(talk.me.id, typed):
            return
    except TooManyAttempts:
        raise Wrong(talk.say("PIN locked.")) from None
    if not talk.pins.locked(talk.me.id):
        raise Wrong(talk.say("Wrong PIN."))
    text = talk.say("Your PIN is locked for 30 minutes, after 3 wrong ones.")
    request = {"to": talk.msisdn, "about": None, "text": text}
    order = Order(SMS, request, talk.me.id, subject=talk.msisdn, idempotency_key=talk.key, repeatable=True)
    accept(talk.core.store, talk.core.broker, talk.core.clock, order)
    raise Wrong(talk.say("PIN locked."))


def read_new_pin(talk: Talk, typed: str) -> dict[str, object]:
    """A PIN that somebody chooses, hashed: it is to be typed again. Raises Wrong."""
    if not is_pin(typed):
        raise Wrong(talk.say("4 to 6 digits."))
    if is_weak(typed):
        raise Wrong(talk.say("Too easy."))
    return {"pin": talk.pins.hash(typed)}


def read_again(talk: Talk, typed: str) -> str:
    """The hash of the PIN that was chosen, typed again. Raises Wrong."""
    chosen = str(talk.data["pin"])
    if not talk.pins.same(chosen, typed):
        raise Wrong(talk.say("Not the same."))
    return chosen


def languages() -> str:
    return "\n".join(f"{number} {name}" for number, name in enumerate(LANGUAGES.values(), start=1))


def read_language(talk: Talk, typed: str) -> str:
    """The code of a language. Raises Wrong."""
    codes = list(LANGUAGES)
    if typed not in map(str, range(1, len(codes) + 1)):
        raise Wrong(talk.say("No such choice."))
    return codes[int(typed) - 1]
