"""Signing in at the desk. The session uses the tokens, roles and second factors of the API."""

from typing import Any

from flask import Response, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as Answer

from api.auth.access import anyone, anyone_known
from api.auth.callers import is_open
from api.auth.routes import WrongCredentials, WrongFactor, sign_in, signing_in
from api.auth.tokens import TokenClaims, tokens
from api.http.context import core, this_request
from core.errors import TooManyAttempts
from web.languages import say
from web.pages import Pages, page

KEPT = "desk"
IDLE_S = 15 * 60
"""After this time without use, a session ends. It also ends with its token, after an hour."""
MAX_CHARS = 200


class Desk(Pages):
    """Pages of the desk. Their views say which role they are for, as routes of the API do."""

    def __init__(self, name: str, import_name: str, **kwargs: Any) -> None:
        super().__init__(name, import_name, **kwargs)
        self.before_request(_enter)
        self.after_request(_ask_again)


entry = Pages("desk_entry", __name__, limit="sign_in")


@entry.show("/desk/sign-in")
@anyone
def form() -> Response:
    """Ask who it is."""
    return _form("")


@entry.take("/desk/sign-in")
@anyone_known(signing_in)
def enter() -> Answer:
    """Begin a session."""
    g.act = "sign-in"
    given = {name: request.form.get(name, "")[:MAX_CHARS] for name in ("username", "password", "otp")}
    try:
        token = sign_in(**given)
    except WrongCredentials:
        return _form(say("The username or the password is wrong."), 401)
    except WrongFactor:
        return _form(say("The code of your second factor is wrong or missing."), 401)
    except TooManyAttempts as error:
        return _form(say("Too many tries. Wait {minutes} min.", minutes=max(1, error.retry_after_s // 60)), 429)
    session.clear()  # a session that somebody else began is not gone on with
    session[KEPT] = {"token": token, "seen": _now()}
    return redirect(_next(), 303)


@entry.take("/desk/sign-out")
@anyone
def leave() -> Answer:
    """End the session, and its token."""
    kept = session.get(KEPT)
    claims = tokens().read(kept["token"]) if kept else None
    if isinstance(claims, TokenClaims):
        core().credentials.end_token(claims.person, claims.id, claims.expires_at)
    session.clear()
    return redirect(url_for("desk_entry.form"), 303)


def _form(wrong: str, status: int = 200) -> Response:
    return page("sign_in.html", status, wrong=wrong, username=request.form.get("username", ""), next=_next())


def _next() -> str:
    """Where to go then: a page of the desk, and no other site."""
    wanted = request.values.get("next", "")
    return wanted if wanted.startswith("/desk") and wanted.isprintable() and "\\" not in wanted else "/desk"


def _enter() -> Answer | None:
    """Shows the API's own checks the token of the session."""
    kept = session.get(KEPT)
    if kept is None or _now() - kept["seen"] > IDLE_S:
        session.pop(KEPT, None)
        return None if is_open(core().settings.admin_token) else _sign_in()
    if "HX-Request" not in request.headers:  # a page that refreshes itself is nobody who is there
        session[KEPT] = {**kept, "seen": _now()}
    asked = this_request()
    asked.environ["HTTP_AUTHORIZATION"] = f"Bearer {kept['token']}"
    asked.__dict__.pop("authorization", None)  # werkzeug keeps what it has read
    return None


def _ask_again(response: Response) -> Answer:
    """The token has ended, or was ended."""
    return _sign_in() if response.status_code == 401 else response


def _sign_in() -> Answer:
    session.pop(KEPT, None)
    here = request.full_path.rstrip("?") if request.method == "GET" else "/desk"
    return redirect(url_for("desk_entry.form", next=here), 303)


def _now() -> int:
    return int(core().clock.now().timestamp())
