"""Screens and readings that several flows share: phones, amounts, and the PIN that confirms a payment."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace

from api.http.fields import read_amount
from api.ussd.fit import short
from api.ussd.screen import END, Arrive, Ask, End, Go, Heading, Pay, Talk, Wrong, nothing_more, text
from core.errors import InvalidAmount, QuittanceError, TooManyAttempts
from core.identity.guessable import is_weak_pin
from core.identity.pins import is_pin
from core.identity.windows import Window
from core.money import exponent, to_minor
from core.notices.languages import LANGUAGES, plain
from core.notices.outcome import Notification
from core.operation import short_reference

MAX_NAME_CHARS = 14
WRONG_PINS = (300, 15 * 60)
"""Through one gateway, within so many seconds: some ten times of what people mistype at ten payments a second. Whoever
has a gateway's key could else try one PIN at each of many phones, and lock none of them."""

_THOUSANDS = re.compile(r"[.,] ?[0-9]{3}$")
"""`10,000` is ten thousand to some and ten to others: not to be guessed, unless the currency has such decimals."""


def ask(
    name: str, heading: Heading, read: Callable[[Talk, str], dict[str, object]], then: str, secret: bool = False
) -> Ask:
    """A question whose answer is remembered, and leads to one screen."""
    return Ask(name, heading, lambda talk, typed: Go(then, read(talk, typed)), (then,), secret)


AMOUNT = text("Amount:")


def ask_amount(name: str, then: str, heading: Heading = AMOUNT) -> Ask:
    """A question for an amount of the wallet's currency, remembered as `amount` in minor units."""
    return ask(name, heading, lambda talk, typed: {"amount": read_minor(talk, typed)}, then)


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


def screen_name(talk: Talk, name: str) -> str:
    """A name as it fits on a screen: transliterated first, because that may make it longer, then cut."""
    return short(plain(name, talk.language), MAX_NAME_CHARS)


def confirm(name: str, summary: Heading, pay: Callable[[Talk], Pay], arrive: Arrive = nothing_more) -> Ask:
    """The summary of a payment, and the PIN that confirms it.

    pay: raises Wrong, or an error of the core, for what cannot be paid any more. The error ends the dialogue.
    arrive: what is found out before the summary is shown.
    """

    def read(talk: Talk, typed: str) -> End:
        check_pin(talk, typed)
        try:
            return _accepted(talk, _accept(talk, pay(talk)))
        except QuittanceError as refused:
            return End(talk.say_error(refused))

    return Ask(name, lambda talk: f"{summary(talk)}\n{talk.say('PIN:')}", read, (END,), secret=True, arrive=arrive)


def _accept(talk: Talk, wanted: Pay) -> str:
    """Accepts what a PIN has confirmed. Returns the operation's id."""
    wanted.check()
    notification = Notification(talk.msisdn, talk.language, wanted.what, wanted.amount, wanted.currency)
    command = replace(wanted.command, idempotency_key=talk.key, notification=asdict(notification))
    return talk.core.accept(command).operation.id


def _accepted(talk: Talk, id: str) -> End:
    """The last screen, which says how the caller learns the outcome. The next dial shows it in any case."""
    ref = short_reference(id)
    if talk.core.notifier.reaches_phones(talk.core.settings):
        return End(talk.say("Accepted. Ref {ref}. You will get an SMS.", ref=ref), follows=id)
    return End(talk.say("Accepted. Ref {ref}. Dial again for the result.", ref=ref), follows=id)


def check_pin(talk: Talk, typed: str) -> None:
    """Raises Wrong, also for a PIN that is locked; its owner gets an SMS about that."""
    if not is_pin(typed):
        raise Wrong(talk.say("4 to 6 digits."))
    wrong = Window(talk.core.store, talk.core.clock, "gateway", *WRONG_PINS)
    if wrong.full(talk.gateway):
        raise Wrong(talk.say("Not possible now."))
    try:
        if talk.pins.verify(talk.me.id, typed):
            return
    except TooManyAttempts:
        raise Wrong(talk.say("PIN locked.")) from None
    with suppress(TooManyAttempts):
        wrong.count(talk.gateway)
    minutes = talk.pins.locked_min(talk.me.id)
    if not minutes:
        raise Wrong(talk.say("Wrong PIN."))
    text = talk.say("Your PIN is locked for {minutes} minutes, after 3 wrong ones.", minutes=str(minutes))
    if minutes < 0:
        text = talk.say("Your PIN is locked, after too many wrong ones. Ask us to unlock it.")
    talk.core.notifier.send(talk.msisdn, text, talk.me.id, talk.key)
    raise Wrong(talk.say("PIN locked."))


def read_new_pin(talk: Talk, typed: str) -> dict[str, object]:
    """The hash of a new PIN, which the caller has to type again. Raises Wrong."""
    if not is_pin(typed):
        raise Wrong(talk.say("4 to 6 digits."))
    if is_weak_pin(typed, talk.msisdn):
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
