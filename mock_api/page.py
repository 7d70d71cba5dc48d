"""The page at `/`: how to call each dialect, the settings in force, and the ledger, newest first."""

from collections.abc import Sequence
from dataclasses import asdict

from flask import Blueprint, render_template, request

from mock_api.books import Books
from mock_api.desk import Desk
from mock_api.examples import BASE, EXAMPLES, GENERIC
from mock_api.settings import VARIABLES, Settings

SHOWN = 50
REFRESH_S = 5
LISTS = {
    "debits": ("at", "dialect", "request_id", "msisdn", "amount", "currency", "transaction_id"),
    "refunds": ("at", "dialect", "request_id", "debit_request_id", "amount", "currency", "transaction_id"),
    "payouts": ("at", "dialect", "request_id", "msisdn", "amount", "currency", "transaction_id"),
}
CALLBACKS = ("state", "dialect", "request_id", "kind", "fault", "method", "url", "answers")
_SECRET = "secret"


def blueprint(desk: Desk, books: Books, settings: Settings, prefixes: Sequence[tuple[str, str]]) -> Blueprint:
    """Returns `GET /`.

    prefixes: the name and the path of each dialect.
    """
    routes = Blueprint("page", __name__)

    @routes.get("/")
    def show() -> str:
        desk.ledger.catch_up()
        here = request.host_url.rstrip("/")
        commands = [(name, path, EXAMPLES[name].replace(BASE, here)) for name, path in prefixes]
        commands.append(("generic", "/operator", GENERIC.replace(BASE, here)))
        tables = [(name, columns, books.newest_effects(name, SHOWN)) for name, columns in LISTS.items()]
        return render_template(
            "page.html",
            commands=commands,
            settings=_in_force(settings),
            tables=[*tables, ("callbacks", CALLBACKS, desk.outbox.newest(SHOWN))],
            refresh_s=REFRESH_S if "live" in request.args else None,
        )

    return routes


def _in_force(settings: Settings) -> list[tuple[str, object]]:
    """Returns the variables and their values, without secrets."""
    values = asdict(settings)
    return [
        (variable, "(not shown)" if _SECRET in name and values[name] else values[name])
        for variable, (name, _) in VARIABLES.items()
    ]
