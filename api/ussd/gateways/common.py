"""What the formats of all gateways have in common: the caller's phone, the session, and how an input is answered."""

import re
from contextlib import suppress
from typing import Any

from marshmallow import ValidationError, validate

from api.http.blueprint import Routes
from api.http.fields import Phone
from api.ussd.sessions import Answer, Delivery, sessions

blueprint = Routes(
    "ussd",
    __name__,
    url_prefix="/ussd",
    description="Menus for any phone",
    forms=("ussd.AfricasTalking",),
    limit=None,
    any_query=True,
)

GATEWAY: list[dict[str, list[str]]] = [{"gateway": []}]
"""For an endpoint's description: it needs the key of its gateway."""
MAX_SESSION_CHARS = 128
SESSION = validate.Length(1, MAX_SESSION_CHARS)
_SERVICE_CODE = re.compile(r"[*#][*#0-9]*#")
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)


class Caller(Phone):
    """The caller's phone, which some gateways take for the code that was dialled."""

    default_error_messages = {"service_code": "This is a service code. It has to be the caller's phone."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, str) and _SERVICE_CODE.fullmatch(value.strip()):
            raise self.make_error("service_code")
        return super()._deserialize(value, attr, data, **kwargs)


class InternationalCaller(Caller):
    """The caller's phone at a gateway that writes E.164 without the `+`. Other spellings are read as usual."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, str) and _INTERNATIONAL.fullmatch(value):
            with suppress(ValidationError):
                return super()._deserialize(f"+{value}", attr, data, **kwargs)
        return super()._deserialize(value, attr, data, **kwargs)


def ask(gateway: str, session: str, msisdn: str, typed: str, number: int | None) -> Answer:
    """The next screen. The parameters are those of a Delivery."""
    return sessions().answer(Delivery(f"{gateway}:{session}", msisdn, typed, number))


def end(gateway: str, session: str, msisdn: str) -> Answer:
    """Closes a session of which the gateway says that it is over."""
    return sessions().end(Delivery(f"{gateway}:{session}", msisdn, ""))
