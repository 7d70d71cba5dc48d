"""HTTP to URLs that strangers gave us: to the address that was checked, without redirects, with one deadline."""

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import cast

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ClosedPoolError, HTTPError, NewConnectionError
from urllib3.util import Timeout

from core.clock import Clock
from core.look_ups import LookUps, NotNow
from core.targets import Rules, Target, TargetRefused, target_of
from worker.partners.bounded import BoundedResponse

MAX_ANSWER_BYTES = 4096
KEPT_BYTES = 1024
MAX_RETRY_AFTER_S = 24 * 3600
CONNECTIONS = 8
POOLS = 256
"""Receivers whose connections are kept."""
LEAST_S = 0.01


@dataclass(frozen=True)
class Heard:
    """What a receiver answered: the status, the first KEPT_BYTES of the body, and how long it wants us to wait."""

    status: int
    body: bytes
    retry_after_s: float


@dataclass(frozen=True)
class NotHeard:
    """No usable answer. why: for the owner of the receiver; refused: the URL is not called at all.

    not_now_s: nothing was tried, and when to try it, in seconds; 0 after a try.
    """

    why: str
    refused: bool = False
    not_now_s: float = 0


class _Connection(HTTPConnection):
    response_class = BoundedResponse


class _TlsConnection(HTTPSConnection):
    response_class = BoundedResponse

    def _new_conn(self) -> socket.socket:
        """Leaves the handshake what connecting has not used: urllib3 gives each of them the whole timeout."""
        give_up_at = time.monotonic() + cast("float", self.timeout)
        connected = super()._new_conn()
        connected.settimeout(max(give_up_at - time.monotonic(), LEAST_S))
        return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class PinnedHttp:
    """Posts to receivers.

    within_s: for everything: looking the name up, connecting, sending, and the answer.
    """

    def __init__(self, clock: Clock, rules: Rules, within_s: float, look_ups: LookUps | None = None) -> None:
        self._clock = clock
        self._rules = rules
        self._within_s = within_s
        self._look_ups = look_ups or LookUps()
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, int, str], HTTPConnectionPool] = {}
        """The least lately used first."""
        self._authorities = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], owner: str) -> Heard | NotHeard:
        """owner: of the URL: names are looked up few at once for each."""
        give_up_at = time.monotonic() + self._within_s
        try:
            target = target_of(url, self._rules)
            addresses = self._look_ups.addresses(target, self._rules, owner, self._within_s)
        except TargetRefused as error:
            return NotHeard(f"the URL {error}", refused=True)
        except NotNow as busy:
            return NotHeard("the name was not looked up", not_now_s=busy.wait_s)
        except OSError:
            return NotHeard("the name was not found")
        try:
            with self._answer(target, addresses[0], body, headers, give_up_at) as answer:
                return Heard(answer.status, _read(answer, give_up_at), self._retry_after_s(answer))
        except NewConnectionError:
            return NotHeard("no connection")
        except (HTTPError, OSError) as error:
            return NotHeard(f"no answer ({type(error).__name__})")

    def _answer(
        self, target: Target, address: str, body: bytes, headers: Mapping[str, str], give_up_at: float
    ) -> BaseHTTPResponse:
        """The head of the answer."""

        def send() -> BaseHTTPResponse:
            return self._pool(target.scheme, address, target.port, target.host).urlopen(
                "POST",
                target.path,
                body=body,
                headers={"Host": target.authority, **headers},
                redirect=False,
                retries=False,
                timeout=Timeout(total=max(give_up_at - time.monotonic(), LEAST_S)),
                preload_content=False,
                decode_content=False,
            )

        try:
            return send()
        except ClosedPoolError:  # another thread needed its place; nothing was sent
            return send()

    def _pool(self, scheme: str, address: str, port: int, host: str) -> HTTPConnectionPool:
        """The connections to an address. Beyond POOLS, closes those that were not used for the longest time."""
        key = (scheme, address, port, host)
        unused = []
        with self._lock:
            found = self._pools.pop(key, None) or self._connections(*key)
            self._pools[key] = found
            while len(self._pools) > POOLS:
                unused.append(self._pools.pop(next(iter(self._pools))))
        for pool in unused:
            pool.close()
        return found

    def _connections(self, scheme: str, address: str, port: int, host: str) -> HTTPConnectionPool:
        """New connections to an address. A certificate has to be the host's."""
        if scheme != "https":
            return _Pool(address, port, maxsize=CONNECTIONS)
        return _TlsPool(
            address,
            port,
            maxsize=CONNECTIONS,
            ca_certs=self._authorities,
            cert_reqs="CERT_REQUIRED",
            server_hostname=host,
            assert_hostname=host,
        )

    def _retry_after_s(self, answer: BaseHTTPResponse) -> float:
        """Retry-After in seconds, in both forms (RFC 9110, section 10.2.3); 0 without it."""
        text = answer.headers.get("Retry-After", "")
        if text.isascii() and text.isdigit():
            return min(float(text), MAX_RETRY_AFTER_S)
        try:
            wait_s = (parsedate_to_datetime(text) - self._clock.now()).total_seconds()
        except (ValueError, TypeError):
            return 0
        return min(max(wait_s, 0), MAX_RETRY_AFTER_S)


def _read(answer: BaseHTTPResponse, give_up_at: float) -> bytes:
    """The beginning of the body. The status alone counts, so a slow or a long body does no harm."""
    text = b""
    try:
        while len(text) < MAX_ANSWER_BYTES and time.monotonic() < give_up_at:
            chunk = answer.read1(MAX_ANSWER_BYTES)
            if not chunk:
                return text[:KEPT_BYTES]
            text += chunk
    except (HTTPError, OSError):
        pass
    answer.close()  # the rest is not read: the connection cannot be used again
    return text[:KEPT_BYTES]
