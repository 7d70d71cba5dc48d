"""What all dialects do alike at the desk: tokens, refusals, and orders in the vendor's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.desk import Desk
from mock_api.dialects import tokens
from mock_api.dialects.body import BadField, Body
from mock_api.dialects.money import habit
from mock_api.ledger import Submission
from mock_api.reply import Manner, Reply
from mock_api.settings import Settings
from mock_api.trade import Trades


class Refusal(Exception):
    """The call is refused before it is carried out; `reply` is the vendor's answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True)
class Face:
    """One dialect at the desk.

    invalid: words a refusal of a field, given a text that says why.
    """

    desk: Desk
    settings: Settings
    manner: Manner
    invalid: Callable[[str], Reply]

    @property
    def name(self) -> str:
        return self.manner.dialect

    def write(self, call: str, read: Callable[[], Order], show: Callable[[Submission], Reply]) -> Response:
        """Answers a call with an effect.

        read: returns the order in the request. Raises Refusal or BadField.
        show: words the answer.
        """
        try:
            order = read()
        except Refusal as refusal:
            reply = refusal.reply
        except BadField as error:
            reply = self.invalid(str(error))
        else:
            key = order.content.get("key", "")
            return self.desk.write(order, habit(order), show, self.manner, key)
        return self.desk.read(call, "", [], lambda: reply, None, self.manner)

    def ask(self, call: str, key: str, answer: Callable[[Fate], Reply], texts: tuple[str, ...] = ()) -> Response:
        """Answers a call without an effect.

        key: what the call is about.
        answer: returns the answer. May raise Refusal or BadField.
        texts: what scripted rules match, besides the key.
        """

        def guarded(fate: Fate) -> Reply:
            try:
                return answer(fate)
            except Refusal as refusal:
                return refusal.reply
            except BadField as error:
                return self.invalid(str(error))

        return self.desk.ask(call, key, [key, *texts], guarded, None, self.manner)

    def grant(self, user: str | None, secret: str | None, scope: str, words: Callable[[str, int], Reply]) -> Response:
        """Answers a call for a token.

        scope: what the token is good for.
        words: returns the answer, given the token and its life in seconds.
        """
        life_s = self.settings.token_s
        scope = f"{self.name}/{scope}"

        def answer(fate: Fate) -> Reply:
            if not user or not secret or tokens.WRONG in (user, secret):
                return self.manner.refuse("401")
            token = tokens.issue({"scope": scope, "user": user}, self.desk.ledger.now() + life_s)
            return words(token, int(life_s))

        return self.ask("token", self.name, answer)

    def authorise(self, scope: str) -> str:
        """Returns the user of the request's bearer token. Raises Refusal."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if token == tokens.ALWAYS:
            return tokens.ALWAYS
        found = tokens.claims(token, self.desk.ledger.now())
        if found is None or found["scope"] != f"{self.name}/{scope}":
            raise Refusal(self.manner.refuse("401"))
        return found["user"]

    def callback_url(self, usual: str) -> str:
        """Returns the callback URL that is registered for this dialect: `PUT /_callbacks/{dialect}`, or `usual`."""
        registered = self.desk.notes.get(f"callback-url:{self.name}")
        return usual if registered is None else registered

    def body(self) -> Body:
        """Returns the JSON object of the request. Raises BadField."""
        return Body(request.get_json(silent=True, force=True))

    def field(self, name: str) -> str:
        """Returns a text of the JSON object of the request; empty if there is none."""
        try:
            return self.body().optional(name)
        except BadField:
            return ""

    def find(self, request_id: str, call: str) -> Request | None:
        """Returns the request with this id if it is of this call and not hidden."""
        found = self.desk.ledger.find([self.name], request_id)
        return found if found is not None and found.order.call == call else None

    def of_transaction(self, transaction_id: str) -> Request | None:
        """Returns the request that has this transaction id, or None."""
        request_id = self.desk.ledger.note(f"transaction:{self.name}:{transaction_id}")
        return None if request_id is None else self.desk.ledger.find([self.name], request_id)

    def fault(self, order: Order) -> str | None:
        """Returns the fault of this dialect that the order's first call had, or None."""
        return self.desk.notes.get(f"fault:{self.name}:{order.request_id}")


@dataclass(frozen=True)
class Dialect:
    """A vendor's API.

    prefix: of its paths.
    manner: see there.
    invalid: words a refusal of a field, given a text that says why.
    routes: builds its blueprint.
    trades: its kinds of orders.
    notice: its callbacks.
    """

    prefix: str
    manner: Manner
    invalid: Callable[[str], Reply]
    routes: Callable[[Face], Blueprint]
    trades: Callable[[Settings], Trades]
    notice: Callable[[Settings], Notice]

    def mount(self, desk: Desk, settings: Settings) -> Blueprint:
        """Returns the blueprint, to be registered under `prefix`."""
        return self.routes(Face(desk, settings, self.manner, self.invalid))


def bearer(token: str, life_s: int) -> Reply:
    """Returns the usual answer to a call for a token."""
    return {"token_type": "Bearer", "access_token": token, "expires_in": life_s}, 200


def basic_user() -> tuple[str | None, str | None]:
    """Returns the user and the secret of the request's basic authorisation."""
    user = request.authorization
    return (None, None) if user is None else (user.username, user.password)


def given(**fields: str) -> dict[str, str]:
    """Returns the fields that are not empty: the content of an order."""
    return {name: value for name, value in fields.items() if value}


def without_empty(fields: Mapping[str, object]) -> dict[str, object]:
    """Returns the fields of an answer that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
