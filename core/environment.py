"""The environment, as settings are read from it: variables, files that hold secrets, and checks of values."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from environs import FileAwareEnv, validate
from marshmallow import ValidationError

PARTNERS = ("http", "https")
MIN_SECRET_CHARS = 32
"""Characters of a secret that signs with SHA-256: RFC 7518, section 3.2."""
PORT = validate.Range(1, 65535)
SANDBOX_NAMES = ("SANDBOX_URL",)
"""The variables of the sandbox that are settings of ours."""


class Env(FileAwareEnv):
    """The environment, as settings are read from it. An empty variable counts as absent.

    urls: the URLs of partners that were read, by the name of the variable.
    sandboxed: the variables of those partners that are the sandbox.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.urls: dict[str, str] = {}
        self.sandboxed: list[str] = []

    def partner(self, name: str, path: str, former: str = "") -> str:
        """The base URL of a partner; by default, `path` of the sandbox.

        former: an older name of the variable, which is still read.
        """
        port = self.int("MOCK_PORT", 8090, validate=PORT)
        sandbox = self.str("SANDBOX_URL", f"http://127.0.0.1:{port}", validate=url_of(PARTNERS)) or ""
        played = f"{sandbox.rstrip('/')}{path}"
        default = self.str(former, played, validate=url_of(PARTNERS)) if former else played
        url = self.partner_url(name, default)
        if url == played:
            self.sandboxed.append(name)
        return url

    def partner_url(self, name: str, *default: str) -> str:
        """The base URL of a partner that the sandbox does not play."""
        url: str = self.str(name, *default, validate=url_of(PARTNERS)) or ""
        self.urls[name] = url
        return url

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = super()._get_value(env_key, default)
        return default if value == "" else value


def url_of(schemes: Sequence[str]) -> Callable[[str], None]:
    """A check that a URL has one of these schemes, and a host, or several between commas, where one is needed."""

    def check(text: str) -> None:
        try:
            url = urlsplit(text)
            local = url.scheme.startswith("sqlite")
            fits = url.scheme.partition("+")[0] in schemes and (local or bool(url.netloc))
            hosts = fits and _hosts_fit(url.netloc)
        except ValueError:
            fits = hosts = False
        if text and not fits:
            raise ValidationError(f"must be a URL that begins with {', '.join(f'{scheme}://' for scheme in schemes)}.")
        if text and not hosts:
            raise ValidationError("must name hosts as host or host:port, several of them with commas between.")

    return check


def _hosts_fit(netloc: str) -> bool:
    """Whether each port can be one, and none of several hosts is empty."""
    hosts = [urlsplit(f"//{host}") for host in netloc.rpartition("@")[2].split(",")]
    try:
        _ = [host.port for host in hosts]
    except ValueError:
        return False
    return len(hosts) == 1 or all(host.hostname for host in hosts)


def strong_secrets(text: str) -> None:
    """A check that each of the secrets, with spaces between, has MIN_SECRET_CHARS characters."""
    if any(len(secret) < MIN_SECRET_CHARS for secret in text.split()):
        raise ValidationError(f"must have at least {MIN_SECRET_CHARS} characters.")


def is_mail_address(text: str) -> None:
    """A check that a text can be the address of an e-mail: nothing that ends a header or begins another address."""
    name, _, domain = text.partition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' ,;:<>()[]\\"')
    if text and not (plain and name and "@" not in domain and "." in domain.strip(".")):
        raise ValidationError("must be an e-mail address such as operations@city.example.")


def are_mail_addresses(texts: list[str]) -> None:
    """A check of each of them."""
    for text in texts:
        is_mail_address(text)
