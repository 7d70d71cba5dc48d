"""The HTTP client of one operator: its token, its headers, and what the same status codes mean at all of them."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import phonenumbers

from core.clock import Clock
from core.money import format_minor
from core.operators import SANDBOX, OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.port import Demand
from worker.partners.operators.tokens import Tokens
from worker.partners.port import Declined, Reply, Unavailable, Unknown

Headers = Mapping[str, str]
Body = Mapping[str, Any]


PREPARE_WITHIN_S = 2
"""The longest time to get a token before a call. After a longer one, the settle window would begin too early: another
worker may find the request missing and send it again."""


class Client:
    """Calls one operator with a token.

    A token that the operator refuses is renewed once: the call was surely not processed.

    headers: sent with every call.
    refuses_token: whether an answer refuses the token, besides 401.
    """

    def __init__(
        self,
        http: PartnerHttp,
        clock: Clock,
        tokens: Tokens | None = None,
        headers: Headers | None = None,
        refuses_token: Callable[[Answer], bool] = lambda answer: False,
    ) -> None:
        self._http = http
        self._clock = clock
        self._tokens = tokens
        self._headers = headers or {}
        self._refuses_token = refuses_token

    def call(
        self, method: str, path: str, body: Body | bytes | None = None, headers: Headers | None = None
    ) -> Answer | Unknown | Unavailable:
        """Makes one call. 401, 429, 503 and a refused token are Unavailable; any other answer is returned.

        body: JSON; as bytes where the caller has to know what is sent, and then names its type in `headers`.
        """
        began = self._clock.now()
        sent = {**self._headers, **(headers or {})}
        if self._tokens is None:
            return self._processed(self._send(method, path, body, sent))
        for _ in range(2):
            token = self._tokens.get()
            if isinstance(token, Unavailable):
                return token
            if (self._clock.now() - began).total_seconds() > PREPARE_WITHIN_S:
                return Unavailable("the token took too long")
            authorised = {**sent, "Authorization": f"Bearer {token}"}
            answer = self._send(method, path, body, authorised)
            if not isinstance(answer, Answer) or not self._refused(answer):
                break
            self._tokens.forget(token)
        return self._processed(answer)

    def _send(
        self, method: str, path: str, body: Body | bytes | None, headers: Headers
    ) -> Answer | Unknown | Unavailable:
        if isinstance(body, bytes):
            return self._http.exchange(method, path, raw=body, headers=headers)
        return self._http.exchange(method, path, body, headers=headers)

    def look(self, path: str, headers: Headers | None = None) -> Answer | Unavailable:
        """Makes a call without an effect. Returns an answer with status 200 or 404 only."""
        answer = self.call("GET", path, headers=headers)
        match answer:
            case Answer(status=200 | 404) | Unavailable():
                return answer
            case Answer():
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s, said=answer.said)
            case _:
                return Unavailable(answer.why, said=answer.said)

    def _refused(self, answer: Answer) -> bool:
        return answer.status == 401 or self._refuses_token(answer)

    def _processed(self, answer: Answer | Unknown | Unavailable) -> Answer | Unknown | Unavailable:
        if isinstance(answer, Answer) and (answer.status in (429, 503) or self._refused(answer)):
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s, said=answer.said)
        return answer


def read(answer: Answer | Unknown | Unavailable, understand: Callable[[Answer], Reply]) -> Reply:
    """Returns what an answer means, or the failure of the call.

    understand: returns what an answer means; what it cannot understand is Unknown.
    """
    if not isinstance(answer, Answer):
        return answer
    reply = understand(answer)
    return reply if reply.said else _saying(reply, answer)


def basic(user: str, password: str) -> dict[str, str]:
    """Returns the header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def client_credentials(http: PartnerHttp, clock: Clock, path: str, user: str, secret: str, **scope: str) -> Tokens:
    """Returns the tokens of an account by OAuth's client credentials (RFC 6749, section 4.4), with HTTP Basic.

    scope: more fields of the form.
    """
    form = {"grant_type": "client_credentials", **scope}
    return Tokens(lambda: http.exchange("POST", path, form=form, headers=basic(user, secret)), clock)


def unclear(answer: Answer) -> Unknown:
    """An answer that says nothing about the request."""
    return Unknown(f"HTTP {answer.status}")


def refused(answer: Answer) -> Declined:
    """The operator found the request invalid."""
    return Declined("refused_as_invalid")


def uuid4_of(reference: str) -> str:
    """Returns the UUID, version 4 in form, that stands for a reference: the same in every process.

    Operators that want a UUID of version 4 refuse any other, and a restarted worker has to know it again.
    """
    return str(UUID(bytes=hashlib.sha256(reference.encode()).digest()[:16], version=4))


def by_uuid4(demand: Demand) -> str:
    """The id of a demand in the records of an operator that knows it by `uuid4_of`."""
    return uuid4_of(demand.reference)


def by_short_id(demand: Demand) -> str:
    """The id of a demand in the records of an operator that knows it by `short_id_of`."""
    return short_id_of(demand.reference)


def by_known(key: str, demand: Demand | None) -> str:
    """The id that the operator gave, in the result of the demand; "" when none has arrived."""
    return str(demand.known.get(key, "")) if demand else ""


def short_id_of(reference: str, characters: int = 20) -> str:
    """Returns capitals and digits that stand for a reference, at most 52: five bits of its SHA-256 each."""
    return base64.b32encode(hashlib.sha256(reference.encode()).digest()).decode()[:characters]


def plain(text: str, characters: int, otherwise: str = "") -> str:
    """Returns a text for people, cut, in ASCII letters and digits: operators refuse accents and most signs.

    otherwise: instead of a text of which nothing is left.
    """
    letters = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    accepted = re.sub(r"[^\w.,:-]", " ", "".join(letters), flags=re.ASCII)
    return " ".join(accepted.split())[:characters].rstrip() or otherwise


def national(phone: str) -> str:
    """Returns a phone without its country code: "+260977123456" is "977123456".

    phone: in E.164 form.
    """
    return str(phonenumbers.national_significant_number(phonenumbers.parse(phone)))


def whole_amount(minor: int, currency: str) -> int | None:
    """Returns an amount in whole main units, for operators that know no decimals; None if it is not whole."""
    amount = Decimal(format_minor(minor, currency))
    return int(amount) if amount == amount.to_integral_value() else None


def same_amount(reported: object, text: str) -> bool:
    """Returns whether an operator reports this amount, as a number or as text."""
    try:
        return Decimal(str(reported)) == Decimal(text)
    except InvalidOperation:
        return False


def same_phone(reported: object, phone: str) -> bool:
    """Returns whether an operator reports this phone, with its country code or without it.

    phone: in E.164 form.
    """
    digits = "".join(character for character in str(reported) if character.isdigit())
    return len(digits) >= 8 and phone.endswith(digits[-8:]) and len(digits) <= len(phone)


def web_address(value: object) -> str:
    """Returns the address of a page that a payer can be sent to; "" if it is none."""
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def return_url(operator: OperatorSettings) -> str:
    """Returns where the operator's page sends the payer afterwards. The sandbox needs no setting for it."""
    given = operator.options["RETURN_URL"]
    return f"{operator.url}/return" if given == SANDBOX else given


def _saying(reply: Reply, answer: Answer) -> Reply:
    return replace(reply, said=answer.said)
