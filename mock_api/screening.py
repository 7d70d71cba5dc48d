"""Two screening services: one verifies a username, one looks it up on a blacklist. They have no effects."""

from flask import Blueprint, Response, request

from mock_api.desk import Desk
from mock_api.forms import CHECK, BadForm, read_form
from mock_api.phones import Habit

VERIFICATION, BLACKLIST = "screening", "blacklist"

# Magic usernames, by their prefix: how the call is answered. The result depends on the prefix only.
_HABITS: dict[str, Habit] = {name: lambda nth: "ok" for name in ("verified", "clear", "rejected", "listed")} | {
    "unchecked": lambda nth: "500",
    "flaky": lambda nth: "500" if nth <= 2 else "ok",
}


def verification(desk: Desk) -> Blueprint:
    """Returns `POST /api/verify`."""
    return _service(desk, "verify", "/api/verify", "verified", "rejected")


def blacklist(desk: Desk) -> Blueprint:
    """Returns `POST /api/blacklist/check`."""
    return _service(desk, "blacklist", "/api/blacklist/check", "clear", "listed")


def _service(desk: Desk, call: str, path: str, good: str, bad: str) -> Blueprint:
    routes = Blueprint(call, __name__)

    @routes.post(path)
    def check() -> Response:
        try:
            content = read_form(request.get_json(silent=True), CHECK)
        except BadForm as error:
            body = {"error": str(error)}
            return desk.read(call, "", [], lambda: (body, 400))
        username = content["username"]
        habit = next((habit for name, habit in _HABITS.items() if username.startswith(name)), None)
        result = bad if username.startswith(bad) else good
        return desk.read(call, username, list(content.values()), lambda: ({"result": result}, 200), habit)

    return routes
