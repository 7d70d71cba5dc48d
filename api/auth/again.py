"""People who are signed in show once more who they are, before they change how they sign in.

Whoever stole a token has it for an hour. Without this, they would have the account for good.
"""

from collections.abc import Mapping

from marshmallow import Schema

from api.auth.callers import person
from api.auth.pins import look_at_pin
from api.auth.routes import WrongCredentials, guarded
from api.http.context import core
from api.http.fields import Text
from core.errors import InvalidField


class Again(Schema):
    """The part of a request that `show_again` looks at."""

    current_password = Text(
        load_default=None, load_only=True, metadata={"description": "required if the account has a password"}
    )
    current_pin = Text(
        load_default=None,
        load_only=True,
        metadata={"description": "required if the account has a PIN and no password"},
    )


def show_again(given: Mapping[str, str | None]) -> None:
    """Raises InvalidField, WrongCredentials, WrongPin, and TooManyAttempts. given: as Again loads it.

    Wrong ones count as those of somebody who signs in.
    """
    me = person()
    if me.with_password:
        password = _named(given, "current_password")
        with guarded(me.username or me.id):
            if not core().credentials.has_password(me.id, password):
                raise WrongCredentials
    elif me.has_pin:
        look_at_pin(me, _named(given, "current_pin"))


def _named(given: Mapping[str, str | None], name: str) -> str:
    value = given[name]
    if value is None:
        raise InvalidField(name, "Needed for this change, besides the token.")
    return value
