"""The API inside a test's process: the real app on an embedded store in memory, with chosen products installed."""

from dataclasses import dataclass, replace
from pathlib import Path

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from flask.testing import FlaskClient

from core.bootstrap import Core, embedded_broker, open_store_at
from core.clock import SystemClock
from core.identity.passwords import Passwords
from core.installed import Installed
from core.settings import read_settings
from web.app import create_app

ADMIN_TOKEN = "sesame"
SECRET = "0123456789abcdef" * 4


@dataclass(frozen=True)
class ApiUnderTest:
    """An app under test.

    core: its services, on a store in memory.
    http: a client of the app.
    admin: the request headers of an administrator.
    access: by route, who may call it.
    """

    core: Core
    http: FlaskClient
    admin: dict[str, str]
    access: dict[str, str]


def open_api(installed: Installed) -> ApiUnderTest:
    """Returns an app with these products, on an empty store. Passwords are hashed cheaply."""
    settings = replace(
        read_settings(installed),
        var_dir=Path("/nowhere"),
        store_url="sqlite://",
        admin_token=ADMIN_TOKEN,
        secret_key=SECRET,
        pin_pepper=SECRET,
    )
    store, clock = open_store_at("sqlite://", installed), SystemClock()
    hasher = Passwords(PasswordHasher.from_parameters(CHEAPEST))
    core = Core(settings, clock, store, embedded_broker(store, clock), hasher)
    app = create_app(core)
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return ApiUnderTest(core, app.test_client(), admin, app.extensions["access"])
