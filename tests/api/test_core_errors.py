"""What a product lets through from the core: the client sees which of its values is wrong, never a bug of ours."""

from collections.abc import Callable

import pytest
from flask import Flask

from api.http import errors
from api.http.json import MoneyJSON
from core.money import exponent, read_price, to_minor
from core.phone import to_e164
from tests.answers import client_of


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: to_minor("12.345", "BRL"), "invalid_amount"),
        (lambda: read_price("-1 XOF"), "invalid_amount"),
        (lambda: exponent("XXQ"), "unknown_currency"),
        (lambda: to_e164("12", "CI"), "invalid_phone"),
    ],
)
def test_a_value_that_the_core_refuses_is_the_clients_mistake(call: Callable[[], object], code: str) -> None:
    # Given a route that reads what the client wrote, and catches nothing
    app = Flask("product")
    app.json = MoneyJSON(app)
    errors.register(app)
    app.add_url_rule("/pay", view_func=lambda: str(call()))

    # If a client writes a value that the core cannot read
    answer = client_of(app).get("/pay")

    # I expect a stable code, and no word about a bug
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.json["detail"].startswith("This is not a")
