"""The app's PINs, which the menus and HTTP share, and a look at one over HTTP."""

from flask import current_app

from api.auth.codes import send
from core.errors import Refused
from core.identity.people import Person
from core.identity.pins import ONLINE, Pins
from core.notices.languages import Say


class WrongPin(Refused):
    """This is not your PIN."""

    code = "wrong_pin"


def pins() -> Pins:
    """The app's PINs."""
    found: Pins = current_app.extensions["pins"]
    return found


def look_at_pin(me: Person, pin: str) -> None:
    """Raises WrongPin, and TooManyAttempts when it is locked. Its owner gets an SMS about a lock.

    Wrong ones lock the PIN for requests by HTTP, and not for the phone.
    """
    if pins().verify(me.id, pin, ONLINE):
        return
    if me.msisdn is not None and pins().locked_min(me.id, ONLINE):
        send(me.msisdn, me, _warning)
    raise WrongPin


def _warning(say: Say) -> str:
    return say("3 wrong PINs for your account came over the internet. If it was not you, change your password.")
