"""The real means of a check: a socket, an HTTP client that keeps the Date, and the record of the sandbox."""

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from core.clock import Clock
from core.dialects import DIALECTS
from core.operators import OperatorSettings
from ops.partner.subject import Reached, Record
from worker.partners.directory import operator_http
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.port import Dialect

CONNECT_S = 5
RECORD_S = 30
WRONG = "wrong"
NAMES = frozenset({"RETURN_URL", "MSISDN", "PARTNER_NAME", "SHORTCODE"})
"""Credentials that are no secrets: they stay right where the others are wrong."""
SECRETS = ("USER", "PASSWORD", "DISBURSEMENT_USER", "DISBURSEMENT_KEY", "DISBURSEMENT_SUBSCRIPTION_KEY")
"""Options that are secrets."""
LATEST = "9" * 15
"""A cursor after every effect: the answer has the present cursor and no effects."""


class Skew:
    """How the Date of the last answer differs from our time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_s: float | None = None

    def seconds(self) -> float | None:
        """Their time less ours; 0 within the precision of the header, None without a Date."""
        return self._last_s

    def hear(self, answer: requests.Response) -> None:
        """Keeps the Date of an answer that has just come."""
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError, TypeError):
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        ended = self._clock.now()
        began = ended - answer.elapsed - timedelta(seconds=1)  # the header has whole seconds
        late_s, early_s = (theirs - ended).total_seconds(), (theirs - began).total_seconds()
        self._last_s = late_s if late_s > 0 else min(0.0, early_s)


def adapters(operator: OperatorSettings, clock: Clock, skew: Skew) -> tuple[Dialect, Dialect | None]:
    """Returns the adapter of an operator, and one with wrong credentials; None where there are none to be wrong."""
    http, wrong = operator_http(operator), with_wrong_credentials(operator)
    http.on_answer(skew.hear)
    adapter = ADAPTERS[operator.dialect]
    return adapter(operator, http, clock), adapter(wrong, operator_http(wrong), clock) if wrong else None


def with_wrong_credentials(operator: OperatorSettings) -> OperatorSettings | None:
    """Returns an operator whose secrets are all wrong; None if it has none."""
    secrets = {key for key in (*DIALECTS[operator.dialect].credentials, *SECRETS) if operator.options.get(key)} - NAMES
    return replace(operator, options={**operator.options, **dict.fromkeys(secrets, WRONG)}) if secrets else None


def is_local(url: str) -> bool:
    """Whether a URL is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reach(url: str) -> Callable[[], Reached]:
    """Returns what opens a connection to the host of a URL."""
    return lambda: _reach(urlsplit(url))


def _reach(url: SplitResult) -> Reached:
    host, tls = url.hostname or "", url.scheme == "https"
    if requests.utils.select_proxy(url.geturl(), requests.utils.get_environ_proxies(url.geturl())):
        return Reached("through a proxy")
    began = time.monotonic()
    try:
        with socket.create_connection((host, url.port or (443 if tls else 80)), CONNECT_S) as connection:
            tcp = f"TCP in {(time.monotonic() - began) * 1000:.0f} ms"
            if not tls:
                return Reached(tcp, plain=not is_local(url.geturl()))
            verify = requests.Session().merge_environment_settings(url.geturl(), {}, None, None, None)["verify"]
            trusted = verify if isinstance(verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
            context = ssl.create_default_context(cafile=trusted)
            with context.wrap_socket(connection, server_hostname=host) as secured:
                took_ms = (time.monotonic() - began) * 1000
                return Reached(f"{tcp}, {secured.version()} after {took_ms:.0f} ms")
    except OSError as error:
        return Reached(f"no connection: {error}", failed=True)


def sandbox_record(url: str) -> Record | None:
    """Returns a reader of what happens at the sandbox from now on; None if the URL is not the sandbox's."""
    truth = "{0.scheme}://{0.netloc}/_truth".format(urlsplit(url))
    now = _read(truth, LATEST)
    if now is None or not isinstance(now.get("cursor"), int) or not isinstance(now.get("debits"), list):
        return None
    return lambda: _read(truth, str(now["cursor"]))


def _read(truth: str, since: str) -> Mapping[str, Any] | None:
    try:
        answer = requests.get(truth, {"since": since}, timeout=RECORD_S, allow_redirects=False)
        found = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError):
        return None
    return found if isinstance(found, dict) else None
