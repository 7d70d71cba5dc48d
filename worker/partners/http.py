"""HTTP to partners. The only place that classifies network failures and status codes into replies."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from worker.partners.port import (
    REFERENCE_CONFLICT,
    Confirmed,
    Declined,
    NotFound,
    Pending,
    Reply,
    Unavailable,
    Unknown,
)

CONNECT_TIMEOUT_S = 3.05
"""A little over the 3 s after which TCP repeats a lost SYN."""
LARGEST_ANSWER = 64 * 1024
CHUNK = 4096
LONGEST_RETRY_AFTER_S = 900
"""A partner's wish beyond this is taken for a mistake of theirs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status code, the JSON object (empty when the body is none) and the Retry-After in seconds."""

    status: int
    body: Mapping[str, Any]
    retry_after_s: float


class PartnerHttp:
    """One partner's base URL, and the status rules that our partners keep.

    A request carries a reference. 200 tells its status and 202 that it is pending; 400 and 409 are refusals; 429 and
    503 were not processed; everything else, and every failure after the connection stood, leaves open what happened.
    """

    def __init__(self, base_url: str, timeout_s: float, connections: int, reasons: Collection[str] = ()) -> None:
        """timeout_s: the longest silence that is waited for; connections: how many are kept for reuse.

        reasons: those that this partner gives for FAILED. In lower case they are our codes; any other is "declined".
        """
        self._reasons = frozenset(reasons)
        self._base_url = base_url.rstrip("/")
        self._timeout = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0))
        # Proxies and certificates are looked up once, here: doing it per request costs as much as the request.
        environment = self._session.merge_environment_settings(self._base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = environment["proxies"], environment["verify"]
        self._session.trust_env = False

    def submit(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Asks for something under the reference body["request_id"]."""
        answer = self.exchange(method, path, body)
        if not isinstance(answer, Answer):
            return answer
        match answer.status:
            case 200 | 202:
                return self._read_status(answer, body["request_id"])
            case 400:
                return Declined("refused_as_invalid", _evidence(answer.body))
            case 409:
                return Declined(REFERENCE_CONFLICT, _evidence(answer.body))
            case 429 | 503:
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
            case _:
                return Unknown(f"HTTP {answer.status}")

    def enquire(self, reference: str) -> Reply:
        """Asks what became of a reference. Declined only when the partner says that the request failed."""
        answer = self.exchange("GET", f"/requests/{quote(reference, safe=':')}")
        if not isinstance(answer, Answer):
            return answer
        match answer.status:
            case 200 | 202:
                return self._read_status(answer, reference)
            case 404:
                return NotFound()
            case 429 | 503:
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
            case _:
                return Unknown(f"HTTP {answer.status}")

    def look(self, path: str, body: Mapping[str, Any] | None = None) -> Answer | Unavailable:
        """Reads something, by POST when there is a body: an Answer of status 200 or 404.

        A read has no effect: after anything else it is repeated.
        """
        answer = self.exchange("GET" if body is None else "POST", path, body)
        match answer:
            case Answer(status=200 | 404) | Unavailable():
                return answer
            case Answer():
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
            case Unknown():
                return Unavailable(answer.why)

    def _read_status(self, answer: Answer, reference: str) -> Reply:
        if answer.body.get("request_id") != reference:
            return Unknown(f"HTTP {answer.status} that does not name our request")
        match answer.status, answer.body.get("status"):
            case 200, "SUCCESSFUL":
                return Confirmed(_evidence(answer.body))
            case 200, "FAILED":
                reason = answer.body.get("reason")
                known = isinstance(reason, str) and reason in self._reasons
                return Declined(str(reason).lower() if known else "declined", _evidence(answer.body))
            case _, "PENDING":
                return Pending()
            case _:
                return Unknown(f"HTTP {answer.status} with a status that is none")

    def exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer | Unknown | Unavailable:
        """One request and its answer, or what its failure is taken for."""
        url, give_up_at = self._base_url + path, time.monotonic() + sum(self._timeout)
        try:
            with self._session.request(
                method, url, json=body, timeout=self._timeout, allow_redirects=False, stream=True
            ) as response:
                text = _read_body(response, give_up_at)
        except requests.RequestException as error:
            return Unavailable("no connection") if _never_sent(error) else Unknown(_name(error))
        except HTTPError as error:
            return Unknown(f"connection lost ({type(error).__name__})")
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        return Answer(response.status_code, content if isinstance(content, dict) else {}, _retry_after_s(response))


def _read_body(response: requests.Response, give_up_at: float) -> bytes:
    """The body; nothing when it is larger or slower than any answer of a partner, which then counts as none."""
    text = b""
    while chunk := response.raw.read1(CHUNK, decode_content=True):  # what is there; read() would wait for all of it
        text += chunk
        if len(text) > LARGEST_ANSWER or time.monotonic() > give_up_at:
            return b""
    return text


def _evidence(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(body[name])[:128] for name in ("transaction_id", "reason") if body.get(name) is not None}


def _never_sent(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached the partner: there was no connection to send it on."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _name(error: requests.RequestException) -> str:
    return "no answer in time" if isinstance(error, requests.Timeout) else f"connection lost ({type(error).__name__})"


def _retry_after_s(response: requests.Response) -> float:
    """Retry-After in seconds, RFC 9110 section 10.2.3; its other form, a date, is read as no wish."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0
