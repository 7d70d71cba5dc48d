"""HTTP to partners. The only place that classifies network failures and status codes into replies."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from worker.partners.bounded import BoundedAdapter
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
from worker.partners.words import words

CONNECT_TIMEOUT_S = 3.05
"""Slightly more than the 3 s after which TCP repeats a lost SYN."""
MAX_ANSWER_BYTES = 64 * 1024
CHUNK_BYTES = 4096
MAX_RETRY_AFTER_S = 900
"""A longer Retry-After is treated as a partner's mistake."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A partner's HTTP response.

    status: the status code.
    body: the JSON object; empty if the response has none.
    retry_after_s: the Retry-After header, in seconds; 0 if absent.
    text: the body as it came.
    """

    status: int
    body: Mapping[str, Any]
    retry_after_s: float
    text: bytes = field(default=b"", compare=False)

    @property
    def said(self) -> dict[str, Any]:
        """The partner's own words."""
        return words(self.status, self.text)


class PartnerHttp:
    """An HTTP client for one partner, with the status code rules that all our partners share.

    Every request carries a reference. 200 carries its status. 202 means pending. 400 and 409 are refusals. After 429
    and 503 the request was not processed. After anything else, or a failure on an open connection, the outcome is
    unknown.
    """

    def __init__(
        self,
        base_url: str,
        timeout_s: float,
        connections: int,
        reasons: Collection[str] = (),
        certificate: str = "",
        basic: tuple[str, str] | None = None,
    ) -> None:
        """Opens a session for connections to `base_url`.

        timeout_s: how long the partner may take for an answer, in seconds.
        connections: how many connections are kept for reuse.
        reasons: the reasons that this partner gives for FAILED. Our code is the reason in lower case, or "declined" for
            any other reason.
        certificate: the path of a client certificate with its key (PEM), for mutual TLS; "" for none.
        basic: user and password of HTTP Basic; None for none.
        """
        self._reasons = frozenset(reasons)
        self._base_url = base_url.rstrip("/")
        self._timeout = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, BoundedAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0))
        # Proxies and certificates are looked up once: a look-up per request costs as much as the request.
        environment = self._session.merge_environment_settings(self._base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = environment["proxies"], environment["verify"]
        self._session.trust_env = False
        self._session.cert = certificate or None
        self._session.auth = basic

    def on_answer(self, hear: Callable[[requests.Response], None]) -> None:
        """Calls `hear` with each answer, before its body is read: for its headers."""
        self._session.hooks["response"].append(lambda response, **_: hear(response))

    def submit(self, method: str, path: str, body: Mapping[str, Any], if_missing: str = "") -> Reply:
        """Sends a request that has an effect. Its reference is body["request_id"].

        if_missing: of a call that not every partner has, the code of Declined for 404, 405 and 501.
        """
        answer = self.exchange(method, path, body)
        if not isinstance(answer, Answer):
            return answer
        match answer.status:
            case 200 | 202:
                return self._read_status(answer, body["request_id"])
            case 400:
                return Declined("refused_as_invalid", _evidence(answer.body), said=answer.said)
            case 404 | 405 | 501 if if_missing:
                return Declined(if_missing, said=answer.said)
            case 409:
                return Declined(REFERENCE_CONFLICT, _evidence(answer.body), said=answer.said)
            case 429 | 503:
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s, said=answer.said)
            case _:
                return Unknown(f"HTTP {answer.status}", said=answer.said)

    def enquire(self, reference: str) -> Reply:
        """Asks for the status of a reference. Returns Declined only if the partner reports that the request failed."""
        answer = self.exchange("GET", f"/requests/{quote(reference, safe=':')}")
        if not isinstance(answer, Answer):
            return answer
        match answer.status:
            case 200 | 202:
                return self._read_status(answer, reference)
            case 404:
                return NotFound(said=answer.said)
            case 429 | 503:
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s, said=answer.said)
            case _:
                return Unknown(f"HTTP {answer.status}", said=answer.said)

    def look(self, path: str, body: Mapping[str, Any] | None = None) -> Answer | Unavailable:
        """Sends a request without an effect, by POST if it has a body, otherwise by GET.

        Returns an Answer only with status 200 or 404. Anything else is Unavailable, because a read is safe to repeat.
        """
        answer = self.exchange("GET" if body is None else "POST", path, body)
        match answer:
            case Answer(status=200 | 404) | Unavailable():
                return answer
            case Answer():
                return Unavailable(f"HTTP {answer.status}", answer.retry_after_s, said=answer.said)
            case Unknown():
                return Unavailable(answer.why, said=answer.said)

    def _read_status(self, answer: Answer, reference: str) -> Reply:
        if answer.body.get("request_id") != reference:
            return Unknown(f"HTTP {answer.status} with another request id", said=answer.said)
        match answer.status, answer.body.get("status"):
            case 200, "SUCCESSFUL":
                return Confirmed(_evidence(answer.body), said=answer.said)
            case 200, "FAILED":
                reason = answer.body.get("reason")
                listed = isinstance(reason, str) and reason in self._reasons
                code = str(reason).lower() if listed else "declined"
                return Declined(code, _evidence(answer.body), said=answer.said)
            case _, "PENDING":
                return Pending(said=answer.said)
            case _:
                return Unknown(f"HTTP {answer.status} with an unknown status", said=answer.said)

    def exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        raw: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Unknown | Unavailable:
        """Makes one request, of JSON, of a form, or of bytes whose type is in `headers`.

        Returns its answer, or Unknown or Unavailable for a network failure.
        """
        url, give_up_at = self._base_url + path, time.monotonic() + sum(self._timeout)
        try:
            with self._session.request(
                method,
                url,
                json=body,
                data=form if raw is None else raw,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                text = _read_body(response, give_up_at)
        except requests.RequestException as error:
            why = "no connection" if _never_sent(error) else _name(error)
            said = {"failure": why}
            return Unavailable(why, said=said) if _never_sent(error) else Unknown(why, said=said)
        except HTTPError as error:
            why = f"connection lost ({type(error).__name__})"
            return Unknown(why, said={"failure": why})
        content = read_json(text)
        body = content if isinstance(content, dict) else {}
        return Answer(response.status_code, body, _retry_after_s(response), text)


def read_json(text: bytes) -> object:
    """Returns what is written in JSON; None for what is none, or cannot be stored: half of a surrogate pair."""
    try:
        content: object = json.loads(text)
        if b"\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return content


def _read_body(response: requests.Response, give_up_at: float) -> bytes:
    """Returns the body. Returns b"" if it is too large or too slow, which then counts as an answer without a body.

    give_up_at: a reading of time.monotonic(), in seconds.
    """
    text = b""
    while chunk := response.raw.read1(
        CHUNK_BYTES, decode_content=True
    ):  # returns what has arrived; read() would wait for all of it
        text += chunk
        if len(text) > MAX_ANSWER_BYTES or time.monotonic() > give_up_at:
            return b""
    return text


def _evidence(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(body[name])[:128] for name in ("transaction_id", "reason") if body.get(name) is not None}


def _never_sent(error: requests.RequestException) -> bool:
    """Returns whether the request surely did not reach the partner: no connection was established."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _name(error: requests.RequestException) -> str:
    return "no answer in time" if isinstance(error, requests.Timeout) else f"connection lost ({type(error).__name__})"


def _retry_after_s(response: requests.Response) -> float:
    """Returns Retry-After in seconds (RFC 9110 section 10.2.3). Its other form, a date, counts as 0."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0
