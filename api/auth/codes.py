"""One-time codes, and the SMS that brings them."""

from collections.abc import Callable

from flask import request

from api.http.context import core
from api.limits import here, is_known_here
from core.hardening import is_loopback
from core.identity.code_budget import CodeBudget
from core.identity.codes import Codes
from core.identity.people import Person
from core.ids import new_id
from core.notices.languages import DEFAULT, Say, plain, translator
from core.secrets import signing_secrets


def codes(what: str) -> Codes:
    """The codes for this purpose."""
    return Codes(core().store, core().clock, signing_secrets(core().settings)[0], what)


def budget(what: str) -> CodeBudget:
    """What codes for this purpose may be sent."""
    settings = core().settings
    prefixes = [prefix for operator in settings.operators.operators for prefix in operator.prefixes]
    return CodeBudget(
        core().store,
        core().clock,
        what,
        settings.codes_per_hour,
        {settings.phone_region, *settings.code_regions},
        prefixes,
    )


def asker() -> str:
    """The caller's address as it is remembered; "" behind a proxy that is not trusted, where it tells nothing."""
    return "" if is_loopback(request.remote_addr or "") else here()


def is_known(owner: Person | None) -> bool:
    """Whether a phone's owner has signed in from the caller's address before."""
    return owner is not None and is_known_here(owner)


def send(msisdn: str, to: Person, text: Callable[[Say], str]) -> None:
    """Sends a text by SMS, in the language of its owner. text: given what translates."""
    language = to.language or DEFAULT
    say = translator(language)
    core().notifier.send(msisdn, plain(text(say), language), to.id, new_id())
