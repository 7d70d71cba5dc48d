"""The application as it is served: the API, and the pages beside it."""

import sys

from flask import Flask
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]  # it has no types

from api import app as api
from api.auth import access
from core.bootstrap import Core
from core.secrets import derived_keys, signing_secrets
from core.settings import BadSettings
from web import front, pages, problems
from web.assets import Assets
from web.desk.entry import entry
from web.desk.screens import desk
from web.languages import choose_language, say

COOKIES = "cookies of pages"
IDLE_S = 30 * 60


def create_app(core: Core | None = None) -> Flask:
    """The API's app with pages, on the given core, or on one built from the environment. Build it after a fork."""
    app = api.create_app(core)
    try:
        register(app)
    except BadSettings as error:
        sys.exit(f"api: {error}")
    return app


def register(app: Flask) -> None:
    """Adds the pages to the API's app. Raises BadSettings."""
    settings = app.extensions["core"].settings
    first, *former = derived_keys(signing_secrets(settings), COOKIES)
    app.config.update(
        SECRET_KEY=first,
        SECRET_KEY_FALLBACKS=former,
        SESSION_COOKIE_NAME="quittance" if settings.local else "__Host-quittance",
        SESSION_COOKIE_SECURE=not settings.local,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=IDLE_S,
        WTF_CSRF_CHECK_DEFAULT=False,  # the API's callers show a token or a key, and no cookie
        WTF_CSRF_TIME_LIMIT=None,  # it ends with the cookie
    )
    app.extensions["assets"] = Assets()
    app.extensions["csrf"] = CSRFProtect(app)
    app.jinja_env.globals.update(say=say, asset=app.extensions["assets"].url)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.before_request(choose_language)
    app.after_request(pages.restrict)
    app.after_request(problems.as_page)  # before it: the last one runs first
    for blueprint in (front.blueprint, entry, desk, *settings.installed.members("pages", "BLUEPRINTS")):
        app.register_blueprint(blueprint)
    app.extensions["access"] = dict(access.declared(app))
