"""Builds the sandbox's Flask app."""

import time
from collections.abc import Callable, Sequence

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from mock_api import control, finance, page, registry, screening, sms
from mock_api.books import Books
from mock_api.callbacks import Post, Sender, post_over_http
from mock_api.chance import Chance
from mock_api.desk import Desk, describe
from mock_api.dialects import generic
from mock_api.dialects.airtel import AIRTEL
from mock_api.dialects.daraja import DARAJA
from mock_api.dialects.face import Dialect
from mock_api.dialects.gsma import GSMA
from mock_api.dialects.mtn import MTN
from mock_api.dialects.mvola import MVOLA
from mock_api.dialects.orange_cm import ORANGE_CM
from mock_api.dialects.orange_webpay import ORANGE_WEBPAY
from mock_api.dialects.wave import WAVE
from mock_api.ledger import Ledger
from mock_api.notes import Notes
from mock_api.outbox import Outbox
from mock_api.reply import Reply
from mock_api.script import Script
from mock_api.settings import Settings

PARTNERS: dict[str, Callable[[Desk], Blueprint]] = {
    generic.PARTNER: generic.blueprint,
    registry.PARTNER: registry.blueprint,
    finance.PARTNER: finance.blueprint,
    screening.VERIFICATION: screening.verification,
    screening.BLACKLIST: screening.blacklist,
    sms.PARTNER: sms.blueprint,
}
DIALECTS: tuple[Dialect, ...] = (MTN, GSMA, MVOLA, AIRTEL, ORANGE_CM, ORANGE_WEBPAY, DARAJA, WAVE)


def create_app(
    settings: Settings,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    post: Post | None = None,
    dialects: Sequence[Dialect] = DIALECTS,
) -> Flask:
    """Returns the sandbox's app, with its state file in `settings.var_dir`.

    clock: returns the time, in seconds since 1970.
    sleep: waits, given seconds.
    post: sends a callback; None for HTTP.
    dialects: those that it speaks.
    Raises OSError or sqlite3.Error when the state file cannot be used.
    """
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    books = Books(settings.var_dir / "mock_api.sqlite")
    post = post or post_over_http(settings.callback_timeout_s)
    desk, sender = _desk(settings, books, clock, sleep, post, dialects)
    app = Flask("mock_api", static_folder=None)
    app.extensions["books"] = books  # the caller closes them
    app.extensions["sender"] = sender  # the caller runs it
    app.register_error_handler(HTTPException, _problem)
    _mount(app, desk)
    prefixes = [(dialect.manner.dialect, dialect.prefix) for dialect in dialects]
    app.register_blueprint(page.blueprint(desk, books, settings, prefixes))
    for dialect in dialects:
        app.register_blueprint(dialect.mount(desk, settings), url_prefix=dialect.prefix)
    return app


def _desk(
    settings: Settings,
    books: Books,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    post: Post,
    dialects: Sequence[Dialect],
) -> tuple[Desk, Sender]:
    trades = generic.TRADES | registry.TRADES | finance.TRADES | sms.TRADES
    for dialect in dialects:
        trades |= dialect.trades(settings)
    outbox, script = Outbox(books), Script()
    ledger = Ledger(books, outbox, trades, clock, settings.pending_s)
    fail_rates = {"verify": settings.verify_fail_rate, "blacklist": settings.blacklist_fail_rate}
    rates = (settings.timeout_rate, settings.late_max_s, fail_rates, settings.callback_fault_rate)
    chance = Chance(settings.seed, settings.latency_max_s, *rates)
    notices = {dialect.manner.dialect: dialect.notice(settings) for dialect in dialects}
    sender = Sender(ledger, outbox, script, chance, notices, post)
    return Desk(ledger, Notes(books), outbox, chance, script, sleep, sender.conclude), sender


def _mount(app: Flask, desk: Desk) -> None:
    app.register_blueprint(control.blueprint(desk))
    # Under its prefix each partner finds only its own requests. At the root, one address serves all partners.
    for partner, blueprint in PARTNERS.items():
        routes = blueprint(desk)
        app.register_blueprint(routes, url_prefix=f"/{partner}")
        app.register_blueprint(routes, name=f"root_{partner}")
        own = _requests(desk, f"{partner}_requests", [partner])
        app.register_blueprint(own, url_prefix=f"/{partner}")
    app.register_blueprint(_requests(desk, "requests", list(PARTNERS)))


def _requests(desk: Desk, name: str, partners: Sequence[str]) -> Blueprint:
    """Returns `GET /requests/{request_id}`, which looks at the requests of `partners`."""
    routes = Blueprint(name, __name__)

    def find(request_id: str) -> Reply:
        found = desk.ledger.find(partners, request_id)
        return ({"error": "no such request"}, 404) if found is None else (describe(found), 200)

    @routes.get("/requests/<path:request_id>")
    def show(request_id: str) -> Response:
        return desk.read("request", request_id, [request_id], lambda: find(request_id))

    return routes


def _problem(error: HTTPException) -> tuple[dict[str, object], int, list[tuple[str, str]]]:
    """Answers a wrong path or method in JSON; headers such as Allow stay."""
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return {"error": error.description or error.name}, error.code or 500, headers
