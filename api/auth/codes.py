"""One-time codes, and the SMS that brings them."""

from collections.abc import Callable

from api.http.context import core
from core.identity.codes import Codes
from core.identity.people import Person
from core.ids import new_id
from core.notices.languages import DEFAULT, Say, plain, translator
from core.secrets import signing_secrets


def codes(what: str) -> Codes:
    """The codes for this purpose."""
    return Codes(core().store, core().clock, signing_secrets(core().settings)[0], what)


def send(msisdn: str, to: Person, text: Callable[[Say], str]) -> None:
    """Sends a text with a code in it, in the language of its owner. text: given what translates."""
    language = to.language or DEFAULT
    say = translator(language)
    core().notifier.send(msisdn, plain(text(say), language), to.id, new_id())
