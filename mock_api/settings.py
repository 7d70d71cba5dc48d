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


_VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "MOCK_HOST": ("host", str),
    "MOCK_PORT": ("port", _port),
    "MOCK_LATENCY_MAX_S": ("latency_max_s", _seconds),
    "MOCK_TIMEOUT_RATE": ("timeout_rate", _share),
    "MOCK_VERIFY_FAIL_RATE": ("verify_fail_rate", _share),
    "MOCK_BLACKLIST_FAIL_RATE": ("blacklist_fail_rate", _share),
    "MOCK_LATE_MAX_S": ("late_max_s", _seconds),
    "MOCK_PENDING_S": ("pending_s", _seconds),
    "MOCK_SEED": ("seed", str),
    "VAR_DIR": ("var_dir", Path),
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Returns the settings in `environ`. An empty variable counts as absent. Raises BadSettings."""
    values: dict[str, object] = {}
    wrong: list[str] = []
    for variable, (name, parse) in _VARIABLES.items():
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
