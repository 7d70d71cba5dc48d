"""The SMS gateway: sends one message for each request."""

from flask import Blueprint, Response, request

from mock_api.books import Books, Order
from mock_api.desk import Desk
from mock_api.forms import MESSAGE, BadForm, read_form
from mock_api.phones import Habit
from mock_api.trade import Trade, Verdict, prefixed

PARTNER = "sms"

# Magic phones, by their last two digits: they do not exist, and the answer is never timed out by chance.
_VERDICTS = {"99": Verdict("INVALID_NUMBER")}
_HABITS: dict[str, Habit] = {"99": lambda nth: "ok"}


def _decide(books: Books, order: Order) -> Verdict:
    return _VERDICTS.get(order.content["to"][-2:], Verdict())


TRADES = {(PARTNER, "sms"): Trade("messages", prefixed("SM"), ("to", "text"), _decide, lambda books, order: None)}


def blueprint(desk: Desk) -> Blueprint:
    """Returns `POST /messages`."""
    routes = Blueprint("sms", __name__)

    @routes.post("/messages")
    def send() -> Response:
        try:
            content = read_form(request.get_json(silent=True), MESSAGE)
        except BadForm as error:
            body = {"error": str(error)}
            return desk.read("sms", "", [], lambda: (body, 400))
        order = Order(PARTNER, "sms", content.pop("request_id"), content)
        return desk.write(order, _HABITS.get(content["to"][-2:]))

    return routes
