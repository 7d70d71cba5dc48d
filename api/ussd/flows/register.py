"""Who dials for the first time: a language, and a PIN twice. Who is known from elsewhere keeps his wallet."""

from api.orders import wallet_of
from api.ussd.flows.common import ask, languages, read_again, read_language, read_new_pin
from api.ussd.screen import Ask, Go, Talk, text
from core.errors import NameTaken


def _registered(talk: Talk, typed: str) -> Go:
    chosen, language = read_again(talk, typed), str(talk.data["language"])
    known = talk.people.of_phone(talk.msisdn)
    if known is None:
        try:
            known = talk.people.register(None, None, talk.msisdn, pin=chosen, language=language)
        except NameTaken:
            return Go("register.language")
    elif not known.has_pin:
        talk.people.set_pin(known.id, chosen)
        talk.people.set_language(known.id, language)
    wallet_of(talk.core, known.id)
    return Go("main", {"pin": None})


SCREENS = (
    ask(
        "register.language",
        lambda _: languages(),
        lambda talk, typed: {"language": read_language(talk, typed)},
        "register.pin",
    ),
    ask("register.pin", text("Welcome. Choose a PIN:"), read_new_pin, "register.again", secret=True),
    Ask("register.again", text("The PIN again:"), _registered, ("main", "register.language"), secret=True),
)
