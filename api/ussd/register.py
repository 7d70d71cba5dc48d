"""First-time registration: choose a language, then type a PIN twice.

An account registered over HTTP may name any phone; only a gateway proves whose phone it is. So when the caller's phone
already belongs to an account, the caller is asked whether it is theirs. If not, the phone is removed from that account,
and the caller gets a new one.
"""

from api.ussd.common import ask, languages, read_again, read_language, read_new_pin, screen_name
from api.ussd.screen import Ask, Go, Menu, Option, Talk, text
from core.errors import NameTaken


def _language(talk: Talk, typed: str) -> Go:
    known = talk.core.people.of_phone(talk.msisdn)
    chosen = {"language": read_language(talk, typed), "known": known and known.name}
    return Go("register.known" if known else "register.pin", chosen)


def _whose(talk: Talk) -> str:
    return talk.say("Is the account {name} yours?", name=screen_name(talk, str(talk.data["known"])))


def _answers(talk: Talk) -> list[Option]:
    return [
        Option(talk.say("Yes"), Go("register.pin", {"disowned": False})),
        Option(talk.say("No"), Go("register.pin", {"disowned": True})),
    ]


def _registered(talk: Talk, typed: str) -> Go:
    chosen, language = read_again(talk, typed), str(talk.data["language"])
    known = talk.core.people.of_phone(talk.msisdn)
    if known and not known.has_pin and "disowned" not in talk.data:  # it was made between two of the caller's screens
        return Go("register.known", {"known": known.name})
    if known and not known.has_pin and talk.data["disowned"]:
        talk.core.people.take_phone(known.id)
        known = None
    if known is None:
        try:
            known = talk.core.people.register(None, None, talk.msisdn, pin=chosen, language=language)
        except NameTaken:
            return Go("register.language")
    elif not known.has_pin:
        talk.core.people.set_pin(known.id, chosen)
        talk.core.people.set_language(known.id, language)
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
