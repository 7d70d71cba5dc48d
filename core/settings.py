"""Settings: from the environment and `.env`, read nowhere else. Each may come from a file named by `NAME_FILE`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, get_args

from environs import EnvValidationError, validate
from marshmallow import ValidationError
from phonenumbers import SUPPORTED_REGIONS

from core.broker.port import EventsTo
from core.environment import PARTNERS, PORT, SANDBOX_NAMES, Env, are_mail_addresses, strong_secrets, url_of
from core.errors import InvalidAmount, UnknownCurrency
from core.hardening import is_loopback, refusals
from core.installed import DEFAULT, OURS, BadProduct, Installed, variables
from core.money import exponent, read_price
from core.operators import OPERATOR_NAMES, OperatorTable, read_operators
from core.rates import Rates, read_rates
from core.sealing import Keys, read_key_pair, read_keys

STORES = ("sqlite", "postgresql", "mysql", "mariadb", "mongodb")
ASYNC_DRIVERS = ("asyncpg", "psycopg_async", "aiomysql", "asyncmy", "aiosqlite")
BROKERS = ("amqp", "amqps")
ANONYMOUS, ADMIN_TOKEN = "anonymous", "admin-token"
"""The owners of what is asked without a key or an account: by anybody, and with the ADMIN_TOKEN."""
ALLOWANCES = (
    "allow_open",
    "allow_published_secrets",
    "allow_short_secrets",
    "allow_http_partners",
    "allow_sandbox",
)
CURRENCIES = ["XOF", "XAF", "GNF", "CDF", "GHS", "KES", "MGA", "EUR", "USD"]


class ProductSettings(Protocol):
    """The settings of one product: a frozen dataclass, named in SETTINGS of its contract."""

    @classmethod
    def read(cls, env: "Env") -> Self:
        """Reads every field from the variable of its name. Errors are collected by `env`."""


Section = TypeVar("Section", bound=ProductSettings)


class BadSettings(Exception):
    """Some settings are invalid. The message names all of them."""


@dataclass(frozen=True)
class Settings:
    """Durations are in seconds. Without any variable set, everything runs on one machine with state under `var/`.

    partners: the base URL of each partner, by the variable that sets it.
    """

    var_dir: Path
    store_url: str
    broker_url: str
    events_to: EventsTo
    api_host: str
    api_port: int
    operators: OperatorTable
    admin_token: str
    secret_key: str
    pin_pepper: str
    ussd_key: str
    ussd_africastalking_key: str
    ussd_hubtel_key: str
    ussd_infobip_key: str
    ussd_nalo_key: str
    ussd_session_s: int
    currencies: list[str]
    wallet_currency: str
    phone_region: str
    worker_concurrency: int
    partner_calls: int
    metrics_port: int
    partner_timeout_s: float
    settle_window_s: float
    log_level: str
    open_debits_per_phone: int = 3
    debits_per_phone_per_hour: int = 10
    debits_per_address: int = 600
    payer_time_s: int = 300
    code_regions: list[str] = field(default_factory=list)
    codes_per_hour: int = 1000
    public_url: str = ""
    notices_to: list[str] = field(default_factory=list)
    traces_url: str = ""
    trusted_hosts: list[str] = field(default_factory=list)
    trusted_proxies: int = 0
    require_second_factor: bool = False
    rate_limits: Rates = field(default_factory=dict)
    data_keys: str = field(default="", repr=False)
    data_index_key: str = field(default="", repr=False)
    allow_open: bool = False
    allow_published_secrets: bool = False
    allow_short_secrets: bool = False
    allow_http_partners: bool = False
    allow_sandbox: bool = False
    installed: Installed = DEFAULT
    sections: Mapping[type[Any], Any] = field(default_factory=dict)
    partners: Mapping[str, str] = field(default_factory=dict)

    def of(self, section: type[Section]) -> Section:
        """The settings of a product, by the type that it declares in SETTINGS of its contract."""
        found: Section | None = self.sections.get(section)
        if found is None:
            raise BadProduct(f"the product of {section.__name__} is not installed")
        return found

    def having(self, section: ProductSettings) -> "Settings":
        """These settings with another section of a product."""
        return replace(self, sections={**self.sections, type(section): section})

    @property
    def keys(self) -> Keys | None:
        """What the store is sealed with; None where it is plain."""
        return read_key_pair(self.data_keys, self.data_index_key)

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded set-up: one machine with a SQLite file, for trials, tests and demonstrations."""
        return self.store_url.startswith("sqlite")

    @property
    def local(self) -> bool:
        """Whether this is the embedded set-up, and only this machine reaches it.

        A proxy before it, or a name of its own, brings others in, whatever address the API itself listens on.
        """
        named = any(not is_loopback(host) for host in self.trusted_hosts)
        return self.embedded and is_loopback(self.api_host) and not self.trusted_proxies and not named

    @property
    def open(self) -> bool:
        """Whether a route is open until the secret that guards it is set."""
        return self.local or self.allow_open

    @property
    def let_in(self) -> frozenset[str]:
        """The callers without a key or an account who are let in: with the ADMIN_TOKEN, or anybody."""
        return frozenset({ADMIN_TOKEN} if self.admin_token else {ANONYMOUS} if self.open else ())


DOTENV = ".env"
NO_DOTENV = "PYTHON_DOTENV_DISABLED"
"""A variable of python-dotenv's own: when it is set, no file is read."""


def read_settings(installed: Installed | None = None) -> Settings:
    """From the environment, and from `.env` in the working directory what the environment does not have.

    installed: these products instead of those that PRODUCTS names.
    Raises BadSettings, naming all that is wrong at once.
    """
    env = Env(eager=False, strip_whitespace=True)
    try:
        if not os.environ.get(NO_DOTENV):
            env.read_env(DOTENV, recurse=False)
        installed = installed or Installed(tuple(env.list("PRODUCTS", list(OURS))))
        sections = {section: section.read(env) for section in installed.settings(_shared_names())}
        values = _values(env) | {"installed": installed, "sections": sections, "partners": env.urls}
        _ = installed.contracts, installed.collections, installed.scopes
        env.seal()
    except BadProduct as error:
        raise BadSettings(f"PRODUCTS: {error}") from None
    except EnvValidationError as error:
        wrong = dict(error.error_messages) if isinstance(error.error_messages, Mapping) else {}
        raise BadSettings("; ".join(f"{name}: {' '.join(why)}" for name, why in wrong.items())) from None
    except (ValueError, OSError) as error:  # a file that cannot be read
        raise BadSettings(str(error)) from None
    settings = Settings(**values)
    if not settings.local and (unsafe := list(refusals(values, env))):
        raise BadSettings("; ".join(unsafe))
    try:
        _ = settings.keys
    except ValueError as error:
        raise BadSettings(str(error)) from None
    if settings.settle_window_s <= settings.partner_timeout_s:
        raise BadSettings(
            "SETTLE_WINDOW_S: must be longer than PARTNER_TIMEOUT_S, or a slow answer would be taken for none"
        )
    return settings


def _values(env: Env) -> dict[str, Any]:
    var_dir = env.path("VAR_DIR", Path("var"))
    sqlite = f"sqlite:///{Path(var_dir or '.').absolute() / 'quittance.sqlite'}"
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    threads = env.int("WORKER_CONCURRENCY", _concurrency(os.cpu_count() or 1), validate=validate.Range(1, 5000))
    concurrency = threads or 1  # a wrong value is None here, and an error in the end
    calls = env.int("PARTNER_CALLS", _partner_calls(concurrency), validate=validate.Range(1, 5000))
    timeout_s = env.float("PARTNER_TIMEOUT_S", 15, validate=validate.Range(0.05, 120))
    settle_window_s = env.float("SETTLE_WINDOW_S", 30, validate=validate.Range(0.1, 86400))
    return {
        "var_dir": var_dir,
        "store_url": env.str("STORE_URL", sqlite, validate=[url_of(STORES), _not_async]),
        "broker_url": env.str("BROKER_URL", "", validate=url_of(BROKERS)),
        "events_to": env.str("EVENTS_TO", "queue", validate=validate.OneOf(get_args(EventsTo))),
        "api_host": env.str("API_HOST", "127.0.0.1"),
        "api_port": env.int("API_PORT", 8080, validate=PORT),
        "operators": read_operators(env, calls or 1, timeout_s or 1, settle_window_s or 1),
        "admin_token": env.str("ADMIN_TOKEN", ""),
        "secret_key": env.str("SECRET_KEY", "", validate=strong_secrets),
        "pin_pepper": env.str("PIN_PEPPER", "", validate=strong_secrets),
        "data_keys": env.str("DATA_KEYS", "", validate=_readable_keys),
        "data_index_key": env.str("DATA_INDEX_KEY", "", validate=_readable_keys),
        "ussd_key": env.str("USSD_KEY", ""),
        "ussd_africastalking_key": env.str("USSD_AFRICASTALKING_KEY", ""),
        "ussd_hubtel_key": env.str("USSD_HUBTEL_KEY", ""),
        "ussd_infobip_key": env.str("USSD_INFOBIP_KEY", ""),
        "ussd_nalo_key": env.str("USSD_NALO_KEY", ""),
        "ussd_session_s": env.int("USSD_SESSION_S", 180, validate=validate.Range(10, 3600)),
        "currencies": env.list("CURRENCIES", CURRENCIES, validate=_known_currencies),
        "wallet_currency": env.str("WALLET_CURRENCY", "XOF", validate=known_currency),
        "phone_region": env.str("PHONE_REGION", "CI", validate=validate.Length(2, 2)),
        "worker_concurrency": concurrency,
        "partner_calls": calls,
        "metrics_port": env.int("METRICS_PORT", 0, validate=validate.Range(0, 65535)),
        "partner_timeout_s": timeout_s,
        "settle_window_s": settle_window_s,
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(levels)),
        "open_debits_per_phone": env.int("OPEN_DEBITS_PER_PHONE", 3, validate=validate.Range(1, 1_000_000)),
        "debits_per_phone_per_hour": env.int("DEBITS_PER_PHONE_PER_HOUR", 10, validate=validate.Range(1, 1_000_000)),
        "debits_per_address": env.int("DEBITS_PER_ADDRESS", 600, validate=validate.Range(1, 1_000_000)),
        "payer_time_s": env.int("PAYER_TIME_S", 300, validate=validate.Range(10, 86400)),
        "code_regions": env.list("CODE_REGIONS", [], validate=_known_regions),
        "codes_per_hour": env.int("CODES_PER_HOUR", 1000, validate=validate.Range(1, 10_000)),
        "public_url": (env.str("PUBLIC_URL", "", validate=url_of(PARTNERS)) or "").rstrip("/"),
        "notices_to": env.list("NOTICES_TO", [], validate=are_mail_addresses),
        "traces_url": env.str("TRACES_URL", "", validate=url_of(PARTNERS)),
        "trusted_hosts": env.list("TRUSTED_HOSTS", []),
        "rate_limits": read_rates(env.str("RATE_LIMITS", "", validate=_readable_rates) or ""),
        "trusted_proxies": env.int("TRUSTED_PROXIES", 0, validate=validate.Range(0, 10)),
        "require_second_factor": env.bool("REQUIRE_SECOND_FACTOR", False),
        **{name: env.bool(name.upper(), False) for name in ALLOWANCES},
    }


def _concurrency(cores: int) -> int:
    """The default: with instant partners more threads only compete for the cores, with slow ones they wait."""
    return min(32 * cores, 256)


def _partner_calls(concurrency: int) -> int:
    """The default: one slow partner may occupy nearly all threads, and leaves some for the products that do not use
    it."""
    return concurrency - min(24, concurrency // 4)


def _not_async(text: str) -> None:
    """A check that a URL names no driver for asyncio: every thread here waits for its own statement."""
    database, _, driver = text.partition("://")[0].partition("+")
    if driver.lower() in ASYNC_DRIVERS:
        raise ValidationError(f"{driver} is an asynchronous driver, which is not used here: write {database}://...")


def _readable_rates(text: str) -> None:
    read_rates(text)


def _readable_keys(text: str) -> None:
    try:
        read_keys(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _known_regions(codes: list[str]) -> None:
    for code in codes:
        if code not in SUPPORTED_REGIONS:
            raise ValidationError(f"{code} is no ISO 3166 country, such as CI")


def _known_currencies(codes: list[str]) -> None:
    for code in codes:
        known_currency(code)


def known_currency(code: str) -> None:
    """A check that a setting is a currency."""
    try:
        exponent(code)
    except UnknownCurrency:
        raise ValidationError(f"{code} is not an ISO 4217 currency") from None


def price(text: str) -> None:
    """A check that a setting is an amount and its currency, such as `200.00 BRL`."""
    try:
        read_price(text)
    except (InvalidAmount, UnknownCurrency):
        raise ValidationError("must be an amount and its currency, such as 200.00 BRL.") from None


def prices(limits: list[str]) -> None:
    """A check that a setting is a list of prices, one for each currency at most."""
    for limit in limits:
        price(limit)
    if len({limit.partition(" ")[2] for limit in limits}) < len(limits):
        raise ValidationError("must have one limit for each currency.")


def setting_names() -> list[str]:
    """The variables of all settings, those of our own products included."""
    shared = _shared_names()
    return [*shared, *(name for section in DEFAULT.settings(shared) for name in variables(section))]


def _shared_names() -> list[str]:
    return [
        "PRODUCTS",
        *SANDBOX_NAMES,
        *OPERATOR_NAMES,
        *(name for name in variables(Settings) if name not in ("INSTALLED", "SECTIONS", "PARTNERS")),
    ]


def worker_name() -> str:
    """Names this process in leases, for people who read them."""
    return f"{os.uname().nodename}:{os.getpid()}"
