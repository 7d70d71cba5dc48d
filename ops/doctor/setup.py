"""Checks of the settings, and of this machine."""

import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from core.hardening import is_loopback
from core.secrets import pin_pepper, signing_secrets
from core.settings import ALLOWANCES, BadSettings, Settings
from ops.doctor.findings import Finding, ok, warning, wrong

LEAST_BYTES, FEW_BYTES = 100 * 1024**2, 2 * 1024**3
"""Free space below which a set-up stops soon, and below which somebody should look."""
OLDEST_PYTHON = (3, 11)


def check_settings(settings: Settings) -> Iterator[Finding]:
    """What the settings allow, and what they leave out."""
    if settings.local:
        yield ok("settings", "embedded, and reached by this machine only: for trials")
    allowed = [name.upper() for name in ALLOWANCES if getattr(settings, name)]
    if allowed:
        to_do = "set them for trials only"
        yield warning("settings", f"{', '.join(allowed)} allow what is refused otherwise", to_do)
    elif not settings.local:
        yield ok("settings", "nothing is allowed that is refused otherwise")
    if settings.local:
        return
    if not settings.trusted_proxies:
        yield warning(
            "proxies",
            "no proxy is trusted: behind one, all callers have its address",
            "set TRUSTED_PROXIES to the number of proxies in front of the API",
        )
    if not settings.trusted_hosts:
        yield warning("hosts", "the API serves any name", "set TRUSTED_HOSTS to the names that callers use")
    if not settings.require_second_factor:
        yield warning(
            "second factor",
            "operators and admins sign in with a password alone",
            "set REQUIRE_SECOND_FACTOR=1 when they have a second factor",
        )
    if settings.keys is None:
        yield warning(
            "data at rest",
            "phones, names and payloads are stored as they are",
            "set DATA_KEYS and DATA_INDEX_KEY and run `quittance data seal`, or encrypt the disk",
        )
    if settings.admin_token:
        yield warning(
            "ADMIN_TOKEN",
            "whoever has it is an admin, and nobody by name",
            "create admins, give them a second factor, and empty it",
        )


def check_secrets(settings: Settings) -> Finding:
    """Whether the secrets are there that the API needs. On one machine it makes its own."""
    if settings.embedded:
        return ok("secrets", f"the API makes those that are not set, in {settings.var_dir}")
    try:
        signing_secrets(settings)
        pin_pepper(settings)
    except BadSettings as error:
        return wrong("secrets", str(error), "`quittance secrets` makes them: the API does not start without them")
    return ok("secrets", "SECRET_KEY and PIN_PEPPER are set")


def check_tls(settings: Settings) -> Iterator[Finding]:
    """Whether what leaves this machine is encrypted."""
    servers = {"STORE_URL": settings.store_url, "BROKER_URL": settings.broker_url}
    plain = [name for name, url in servers.items() if _is_plain(url)]
    if plain:
        to_do = "keep these servers in a network of their own, or use TLS: amqps://, ?tls=true, ?sslmode=verify-full"
        yield warning("TLS", f"{' and '.join(plain)} do not ask for TLS", to_do)
    called = {operator.name: operator.callback_host for operator in settings.operators.operators}
    if open_hosts := [name for name, host in called.items() if host.startswith("http://") and not _is_here(host)]:
        to_do = "let CALLBACK_HOST begin with https://"
        yield wrong("TLS", f"callbacks of {', '.join(open_hosts)} come without TLS", to_do)
    if not plain and not open_hosts:
        yield ok("TLS", "everything that leaves this machine asks for it")


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Python, the free space, and who may read the state."""
    yield check_python(sys.version_info[:3])
    yield check_space(settings.var_dir)
    yield from check_modes(settings.var_dir)


def check_python(version: tuple[int, int, int]) -> Finding:
    said = ".".join(map(str, version))
    return ok("Python", said) if version >= OLDEST_PYTHON else wrong("Python", said, "install Python 3.11 or later")


def check_space(folder: Path, free: int | None = None) -> Finding:
    """free: bytes, unless they are to be looked up."""
    free = shutil.disk_usage(folder).free if free is None else free
    said = f"{free / 1024**3:.1f} GiB free where {folder} is"
    if free < LEAST_BYTES:
        return wrong("disk", said, "make room now: without it, nothing is accepted")
    if free < FEW_BYTES:
        return warning("disk", said, "make room")
    return ok("disk", said)


def check_modes(folder: Path) -> Iterator[Finding]:
    """Whether others on this machine may read the state."""
    readable = [path for path in (folder, *folder.glob("*")) if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    files = [path.name for path in readable if path.is_file()]
    if folder in readable and files:
        to_do = f"chmod 700 {folder}"
        yield warning("files", f"other users of this machine can read {', '.join(sorted(files)[:5])}", to_do)
    else:
        yield ok("files", f"only their owner reads {folder}")


def _is_plain(url: str) -> bool:
    if not url or url.startswith("sqlite") or _is_here(url):
        return False
    secured = url.startswith("amqps") or any(word in url.lower() for word in ("tls=true", "sslmode=", "ssl_ca="))
    return not (secured or url.startswith("mongodb+srv"))


def _is_here(url: str) -> bool:
    hosts = urlsplit(url).netloc.rpartition("@")[2].split(",")
    return all(is_loopback(urlsplit(f"//{host}").hostname or "") for host in hosts)
