"""Settings: from the environment, read here and nowhere else. Each may also come from a file named by `NAME_FILE`."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import EnvValidationError, FileAwareEnv, validate
from marshmallow import ValidationError

from core.errors import InvalidAmount, UnknownCurrency
from core.money import exponent, read_price

STORES = ("sqlite", "postgresql", "mysql", "mariadb", "mongodb")
BROKERS = ("amqp", "amqps")
PARTNERS = ("http", "https")
SHORTEST_SECRET = 32
"""Characters of a secret that signs with SHA-256: RFC 7518, section 3.2."""
CURRENCIES = ["XOF", "XAF", "GNF", "CDF", "GHS", "KES", "EUR", "USD"]


class BadSettings(Exception):
    """Some settings are wrong; the message names every one of them."""


@dataclass(frozen=True)
class Settings:
    """Durations are in seconds. Without any variable set, everything runs on one machine with state under `var/`."""

    var_dir: Path
    store_url: str
    broker_url: str
    api_host: str
    api_port: int
    operator_url: str
    registry_url: str
    finance_url: str
    screening_url: str
    screening_url2: str
    admin_token: str
    secret_key: str
    pin_pepper: str
    sms_sender: str
    sms_url: str
    ussd_key: str
    ussd_africastalking_key: str
    ussd_session_s: int
    currencies: list[str]
    wallet_currency: str
    consultation_rate: str
    phone_region: str
    worker_concurrency: int
    partner_calls: int
    metrics_port: int
    partner_timeout_s: float
    settle_window_s: float
    log_level: str

    @property
    def embedded(self) -> bool:
        """Whether this is one machine with a file for a store: for trying, testing and demonstrating."""
        return self.store_url.startswith("sqlite")


class _Env(FileAwareEnv):
    """An empty variable is as good as none."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = super()._get_value(env_key, default)
        return default if value == "" else value


def read_settings() -> Settings:
    """Raises BadSettings, naming all that is wrong at once."""
    env = _Env(eager=False, strip_whitespace=True)
    try:
        values = _values(env)
        env.seal()
    except EnvValidationError as error:
        wrong = dict(error.error_messages) if isinstance(error.error_messages, Mapping) else {}
        raise BadSettings("; ".join(f"{name}: {' '.join(why)}" for name, why in wrong.items())) from None
    except ValueError as error:  # a file that cannot be read
        raise BadSettings(str(error)) from None
    settings = Settings(**values)
    if settings.settle_window_s <= settings.partner_timeout_s:
        raise BadSettings(
            "SETTLE_WINDOW_S: must be longer than PARTNER_TIMEOUT_S, or a slow answer would be taken for none"
        )
    return settings


def _values(env: _Env) -> dict[str, Any]:
    var_dir = env.path("VAR_DIR", Path("var"))
    port = validate.Range(1, 65535)
    sandbox = f"http://127.0.0.1:{env.int('MOCK_PORT', 8090, validate=port)}"
    sqlite = f"sqlite:///{Path(var_dir or '.').absolute() / 'quittance.sqlite'}"
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    return {
        "var_dir": var_dir,
        "store_url": env.str("STORE_URL", sqlite, validate=_url(STORES)),
        "broker_url": env.str("BROKER_URL", "", validate=_url(BROKERS)),
        "api_host": env.str("API_HOST", "127.0.0.1"),
        "api_port": env.int("API_PORT", 8080, validate=port),
        "operator_url": env.str("OPERATOR_URL", f"{sandbox}/operator", validate=_url(PARTNERS)),
        "registry_url": env.str("REGISTRY_URL", f"{sandbox}/registry", validate=_url(PARTNERS)),
        "finance_url": env.str("FINANCE_URL", f"{sandbox}/finance", validate=_url(PARTNERS)),
        "screening_url": env.str("SCREENING_URL", f"{sandbox}/screening", validate=_url(PARTNERS)),
        "screening_url2": env.str("SCREENING_URL2", f"{sandbox}/blacklist", validate=_url(PARTNERS)),
        "admin_token": env.str("ADMIN_TOKEN", ""),
        "secret_key": env.str("SECRET_KEY", "", validate=_secrets),
        "pin_pepper": env.str("PIN_PEPPER", "", validate=_secrets),
        "sms_sender": env.str("SMS_SENDER", "file", validate=validate.OneOf(["console", "file", "http"])),
        "sms_url": env.str("SMS_URL", f"{sandbox}/sms", validate=_url(PARTNERS)),
        "ussd_key": env.str("USSD_KEY", ""),
        "ussd_africastalking_key": env.str("USSD_AFRICASTALKING_KEY", ""),
        "ussd_session_s": env.int("USSD_SESSION_S", 180, validate=validate.Range(10, 3600)),
        "currencies": env.list("CURRENCIES", CURRENCIES, validate=_known_currencies),
        "wallet_currency": env.str("WALLET_CURRENCY", "XOF", validate=lambda code: _known_currencies([code])),
        "consultation_rate": env.str("CONSULTATION_RATE", "200.00 BRL", validate=_price),
        "phone_region": env.str("PHONE_REGION", "CI", validate=validate.Length(2, 2)),
        "worker_concurrency": env.int("WORKER_CONCURRENCY", 128, validate=validate.Range(1, 5000)),
        "partner_calls": env.int("PARTNER_CALLS", 96, validate=validate.Range(1, 5000)),
        "metrics_port": env.int("METRICS_PORT", 0, validate=validate.Range(0, 65535)),
        "partner_timeout_s": env.float("PARTNER_TIMEOUT_S", 15, validate=validate.Range(0.05, 120)),
        "settle_window_s": env.float("SETTLE_WINDOW_S", 30, validate=validate.Range(0.1, 86400)),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(levels)),
    }


def _url(schemes: Sequence[str]) -> Callable[[str], None]:
    """A check that a URL has one of these schemes, a host where one is needed, and a port that can be one."""

    def check(text: str) -> None:
        try:
            url = urlsplit(text)
            local = url.scheme.startswith("sqlite")
            fits = url.scheme.partition("+")[0] in schemes and (local or bool(url.netloc))
            _ = None if "," in url.netloc else url.port  # several hosts, for MongoDB, are its driver's to read
        except ValueError:
            fits = False
        if text and not fits:
            raise ValidationError(f"must be a URL that begins with {', '.join(f'{scheme}://' for scheme in schemes)}.")

    return check


def _known_currencies(codes: list[str]) -> None:
    for code in codes:
        try:
            exponent(code)
        except UnknownCurrency:
            raise ValidationError(f"{code} is not an ISO 4217 currency") from None


def _secrets(text: str) -> None:
    if any(len(secret) < SHORTEST_SECRET for secret in text.split()):
        raise ValidationError(f"must have at least {SHORTEST_SECRET} characters.")


def _price(text: str) -> None:
    try:
        read_price(text)
    except (InvalidAmount, UnknownCurrency):
        raise ValidationError("must be an amount and its currency, such as 200.00 BRL.") from None


def worker_name() -> str:
    """Names this process in leases, for people who read them."""
    return f"{os.uname().nodename}:{os.getpid()}"
