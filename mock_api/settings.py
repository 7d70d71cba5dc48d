"""The sandbox's settings, from the environment."""

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class BadSettings(ValueError):
    """Some environment variables cannot be used; the message names all of them."""


@dataclass(frozen=True)
class Settings:
    """The settings; README.md explains each. Durations are in seconds, rates are shares between 0 and 1."""

    host: str = "127.0.0.1"
    port: int = 8090
    latency_max_s: float = 10.0
    timeout_rate: float = 0.1
    verify_fail_rate: float = 0.1
    blacklist_fail_rate: float = 0.25
    late_max_s: float = 10.0
    pending_s: float = 20.0
    approval_s: float = 2.0
    auto_approve: bool = True
    # None: each dialect has its vendor's time.
    expiry_s: float | None = None
    token_s: float = 3_600.0
    callback_timeout_s: float = 3.0
    callback_fault_rate: float = 0.0
    airtel_callback_url: str = ""
    airtel_callback_secret: str = ""
    wave_webhook_url: str = ""
    wave_webhook_secret: str = "wave-sandbox-secret"
    # Random by default. It is printed at the start, so that any run can be repeated.
    seed: str = field(default_factory=lambda: secrets.token_hex(8))
    var_dir: Path = Path("var")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise ValueError("must be a port, 1 to 65535")


def _number(text: str, maximum: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value <= maximum:
        return value
    raise ValueError(f"must be {what}")


def _seconds(text: str) -> float:
    # At most a day: longer than any client waits, and accepted by time.sleep.
    return _number(text, 86_400, "a number of seconds, 0 to 86400")


def _share(text: str) -> float:
    return _number(text, 1, "a share between 0 and 1")


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be an http or https URL")
    return text


VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "MOCK_HOST": ("host", str),
    "MOCK_PORT": ("port", _port),
    "MOCK_LATENCY_MAX_S": ("latency_max_s", _seconds),
    "MOCK_TIMEOUT_RATE": ("timeout_rate", _share),
    "MOCK_VERIFY_FAIL_RATE": ("verify_fail_rate", _share),
    "MOCK_BLACKLIST_FAIL_RATE": ("blacklist_fail_rate", _share),
    "MOCK_LATE_MAX_S": ("late_max_s", _seconds),
    "MOCK_PENDING_S": ("pending_s", _seconds),
    "MOCK_APPROVAL_S": ("approval_s", _seconds),
    "MOCK_AUTO_APPROVE": ("auto_approve", _switch),
    "MOCK_EXPIRY_S": ("expiry_s", _seconds),
    "MOCK_TOKEN_S": ("token_s", _seconds),
    "MOCK_CALLBACK_TIMEOUT_S": ("callback_timeout_s", _seconds),
    "MOCK_CALLBACK_FAULT_RATE": ("callback_fault_rate", _share),
    "MOCK_AIRTEL_CALLBACK_URL": ("airtel_callback_url", _url),
    "MOCK_AIRTEL_CALLBACK_SECRET": ("airtel_callback_secret", str),
    "MOCK_WAVE_WEBHOOK_URL": ("wave_webhook_url", _url),
    "MOCK_WAVE_WEBHOOK_SECRET": ("wave_webhook_secret", str),
    "MOCK_SEED": ("seed", str),
    "VAR_DIR": ("var_dir", Path),
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Returns the settings in `environ`. An empty variable counts as absent. Raises BadSettings."""
    values: dict[str, object] = {}
    wrong: list[str] = []
    for variable, (name, parse) in VARIABLES.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            values[name] = parse(text)
        except ValueError as error:
            wrong.append(f"{variable}={text!r} {error}")
    if wrong:
        raise BadSettings("; ".join(wrong))
    return Settings(**values)  # type: ignore[arg-type]  # each parser above returns its field's type
