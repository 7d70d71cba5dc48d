"""First-time registration: choose a language, then type a PIN twice.

An account registered over HTTP may name any phone; only a gateway proves whose phone it is. So when an account names
the caller's phone, the caller is asked whether it is theirs. If it is, its password and tokens end, unless the phone
had been proven. If not, the phone is removed from that account, and the caller gets a new one. The question tells the
day on which the account was made: a username could be the text of somebody who wants a "Yes".
"""

from api.ussd.common import ask, languages, read_again, read_language, read_new_pin
from api.ussd.screen import Ask, Go, Menu, Option, Talk, text
from core.errors import NameTaken


def _language(talk: Talk, typed: str) -> Go:
    known = talk.core.people.naming(talk.msisdn)
    chosen = {"language": read_language(talk, typed), "known": known and known.created_on}
    return Go("register.known" if known else "register.pin", chosen)


def _whose(talk: Talk) -> str:
    return talk.say("An account made on {day} names this phone. Is it yours?", day=str(talk.data["known"]))


def _answers(talk: Talk) -> list[Option]:
    return [
        Option(talk.say("Yes"), Go("register.pin", {"disowned": False})),
        Option(talk.say("No"), Go("register.pin", {"disowned": True})),
    ]


def _registered(talk: Talk, typed: str) -> Go:
    chosen, language = read_again(talk, typed), str(talk.data["language"])
    known = talk.core.people.naming(talk.msisdn)
    if known and not known.has_pin and "disowned" not in talk.data:  # it was made between two of the caller's screens
        return Go("register.known", {"known": known.created_on})
    if known and not known.has_pin and talk.data["disowned"]:
        talk.core.people.take_phone(known.id)
        known = None
    try:
        if known is None:
            known = talk.core.people.register(None, None, talk.msisdn, pin=chosen, language=language, phone_proven=True)
        elif not known.has_pin:
            known = talk.core.people.take_over(known.id, talk.msisdn, chosen, language)
    except NameTaken:
        return Go("register.language")
    talk.core.wallet_of(known.id)
    return Go("main", {"pin": None})


SCREENS = (
    Ask("register.language", lambda _: languages(), _language, ("register.pin", "register.known")),
    Menu("register.known", _whose, _answers, ("register.pin",)),
    ask("register.pin", text("Welcome. Choose a PIN:"), read_new_pin, "register.again", secret=True),
    Ask(
        "register.again",
        text("The PIN again:"),
        _registered,
        ("main", "register.language", "register.known"),
        secret=True,
    ),
)
