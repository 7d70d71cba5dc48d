"""One request until there is an answer: retries with the same key, tokens, and problems."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import requests
from requests import PreparedRequest, Session
from requests.auth import AuthBase, HTTPBasicAuth

from quittance_client.answers import read
from quittance_client.problem import NO_ANSWER, Problem, problem_of

RENEW_BEFORE_S = 60
"""A token is renewed before it ends; one that is good for less than ten minutes, in the last tenth of its time."""
TOKEN_PATH = "/v1/auth/token"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Retries:
    """How long a request is tried.

    attempts: at most so many, the first one included.
    give_up_after_s: no attempt begins later than this after the first one.
    first_wait_s: before the second attempt. Then twice as long each time, with jitter, unless Retry-After says more.
    longest_wait_s: the wait does not grow above it.
    """

    attempts: int = 6
    give_up_after_s: float = 60
    first_wait_s: float = 1
    longest_wait_s: float = 20

    def wait_s(self, failed: int, asked_s: int | None, chance: float) -> float:
        """The wait after so many failed attempts. asked_s: Retry-After; chance: 0 to 1."""
        if asked_s is not None:
            return asked_s + chance * self.first_wait_s
        return float(min(self.longest_wait_s, self.first_wait_s * 2 ** (failed - 1)) * (1 + chance) / 2)


class Bearer(AuthBase):
    """A bearer token, or nothing. Not a header of the request: an entry of a netrc file would replace it."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass
class Connection:
    """Requests to one API. A thread has its own, because a Session is not made for several.

    credentials: the id and the text of an API key, which are exchanged for tokens; or else
    bearer: an API key or a token, sent as it is; None for none.
    timeout_s: how long one attempt may take to connect, and to answer apart from `Prefer: wait`.
    clock: seconds; sleep: waits for seconds; chance: 0 to 1, for jitter.
    """

    root: str
    credentials: tuple[str, str] | None
    bearer: str | None
    retries: Retries
    timeout_s: float
    session: Session
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    _renew_at: float = 0

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        wait_s: int = 0,
    ) -> Any:
        """The answer's JSON. Every attempt sends the same bytes and the same key. Raises Problem.

        key: the Idempotency-Key; wait_s: how long the API may hold its answer until the operation has ended.
        """
        sent = {"Accept": JSON, **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        sent |= {"Content-Type": JSON} if data is not None else {}
        sent |= {"Idempotency-Key": key} if key else {}
        sent |= {"Prefer": f"wait={wait_s}"} if wait_s else {}
        how = {"params": {name: value for name, value in (query or {}).items() if value is not None}, "data": data}
        for again in (False, True):
            auth = Bearer(self._bearer(fresh=again))
            try:
                return self._retried(partial(self._once, method, path, sent, auth, wait_s, how), key)
            except Problem as problem:
                if again or problem.status != 401 or self.credentials is None:
                    raise
        raise AssertionError("a request is sent at most twice with a new token")

    def items(self, path: str, name: str, query: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of all pages of a list. Raises Problem."""
        cursor = None
        while True:
            page = self.request("GET", path, query={**query, "cursor": cursor})
            yield from page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _bearer(self, *, fresh: bool) -> str | None:
        """The token of the next request; a new one if it ends soon, or if it was refused. Raises Problem."""
        if self.credentials and (fresh or self.bearer is None or self.clock() >= self._renew_at):
            asked_at = self.clock()
            basic = HTTPBasicAuth(*(quote(part, safe="") for part in self.credentials))
            how = {"data": "grant_type=client_credentials"}
            form = {"Accept": JSON, "Content-Type": FORM}
            answer = self._retried(partial(self._once, "POST", TOKEN_PATH, form, basic, 0, how), None)
            self.bearer, lifetime_s = answer["access_token"], answer["expires_in"]
            self._renew_at = asked_at + lifetime_s - min(RENEW_BEFORE_S, lifetime_s / 10)
        return self.bearer

    def _retried(self, call: Callable[[], Any], key: str | None) -> Any:
        give_up_at = self.clock() + self.retries.give_up_after_s
        failed = 0
        while True:
            try:
                return call()
            except Problem as problem:
                problem.key, failed = key, failed + 1
                wait_s = self.retries.wait_s(failed, problem.retry_after_s, self.chance())
                is_last = failed >= self.retries.attempts or self.clock() + wait_s > give_up_at
                if is_last or not problem.is_transient:
                    raise
            self.sleep(wait_s)

    def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        auth: AuthBase,
        wait_s: int,
        how: Mapping[str, Any],
    ) -> Any:
        timeouts = (self.timeout_s, self.timeout_s + wait_s)
        try:
            answer = self.session.request(
                method,
                self.root + path,
                headers=headers,
                auth=auth,
                timeout=timeouts,
                allow_redirects=False,
                **how,
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise Problem(0, NO_ANSWER, str(error)) from error
        try:
            document = read(answer.content)
        except ValueError:
            document = None
        if answer.status_code < 300 and isinstance(document, dict):
            return document
        raise problem_of(answer.status_code, document, answer.headers.get("Retry-After"))
