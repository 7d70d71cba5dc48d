"""First-time registration: choose a language, then type a PIN twice.

An account registered over HTTP may name any phone; only a gateway proves whose phone it is. So when an account names
the caller's phone, the caller is asked whether it is theirs. If it is, its password and tokens end, unless the phone
had been proven. If not, the phone is removed from that account, and the caller gets a new one. The question tells the
day on which the account was made: a username could be the text of somebody who wants a "Yes".

Where somebody could lose by a "Yes", there is no such question: the caller gets a new account, and the other one
keeps everything but the phone.
"""

from collections.abc import Mapping

from api.ussd.common import ask, languages, read_again, read_language, read_new_pin
from api.ussd.holding import is_free
from api.ussd.screen import Ask, Go, Menu, Option, Talk, text
from core.errors import NameTaken
from core.identity.people import Person, Role


def _language(talk: Talk, typed: str) -> Go:
    chosen, known = {"language": read_language(talk, typed)}, talk.core.people.naming(talk.msisdn)
    return Go("register.pin", chosen) if known is None else _asked_about(talk, known, chosen)


def _asked_about(talk: Talk, known: Person, chosen: Mapping[str, str]) -> Go:
    """The question about an account that names the caller's phone."""
    free = is_free(talk.core, known)
    # To prove the phone opens the account to its holder, unless it has rights: no phone opens those.
    opens = not known.phone_proven and known.role is Role.USER and not known.has_factor
    return Go("register.known" if free else "register.kept", {**chosen, "known": known.created_on, "opens": opens})


def _whose(talk: Talk) -> str:
    return talk.say("An account made on {day} names this phone. Is it yours?", day=str(talk.data["known"]))


def _answers(talk: Talk) -> list[Option]:
    return [
        Option(talk.say("Yes"), Go("register.pin", {"disowned": False})),
        Option(talk.say("No"), Go("register.pin", {"disowned": True})),
    ]


def _kept(talk: Talk) -> str:
    day = str(talk.data["known"])
    lines = [talk.say("An account made on {day} names this phone. A call does not open it.", day=day)]
    if talk.data.get("opens"):
        lines.append(talk.say("To use it here, hang up and prove the phone there, by a code."))
    return "\n".join(lines)


def _new_account(talk: Talk) -> list[Option]:
    return [Option(talk.say("New account"), Go("register.pin", {"disowned": True}))]


def _registered(talk: Talk, typed: str) -> Go:
    chosen, language = read_again(talk, typed), str(talk.data["language"])
    known = talk.core.people.naming(talk.msisdn)
    if known and not known.has_pin and "disowned" not in talk.data:  # it was made between two of the caller's screens
        return _asked_about(talk, known, {})
    if known and not known.has_pin and talk.data["disowned"]:
        talk.core.people.take_phone(known.id)
        known = None
    try:
        if known is None:
            known = talk.core.people.register(None, None, talk.msisdn, pin=chosen, language=language, phone_proven=True)
        elif not known.has_pin:
            if not is_free(talk.core, known):  # money came between two of the caller's screens
                return _asked_about(talk, known, {})
            known = talk.core.people.take_over(known.id, talk.msisdn, chosen, language)
    except NameTaken:
        return Go("register.language")
    talk.core.wallet_of(known.id)
    return Go("main", {"pin": None})


SCREENS = (
    Ask("register.language", lambda _: languages(), _language, ("register.pin", "register.known", "register.kept")),
    Menu("register.known", _whose, _answers, ("register.pin",)),
    Menu("register.kept", _kept, _new_account, ("register.pin",)),
    ask("register.pin", text("Welcome. Choose a PIN:"), read_new_pin, "register.again", secret=True),
    Ask(
        "register.again",
        text("The PIN again:"),
        _registered,
        ("main", "register.language", "register.known", "register.kept"),
        secret=True,
    ),
)
