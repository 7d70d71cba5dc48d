"""How often callers may ask and guess, by person, key or address.

Source of the headers: draft-ietf-httpapi-ratelimit-headers-10.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from flask import Flask, Response, current_app, g, request

from api.http.blueprint import Routes
from api.http.errors import Unauthenticated
from core.clock import Clock
from core.errors import StoreUnavailable
from core.identity.guesses import fingerprint
from core.identity.people import Person
from core.rates import Counters, Limiter, Rates, TooManyRequests
from core.secrets import derived_keys

Found = TypeVar("Found")

BY_ENDPOINT: Mapping[str, str] = {
    "people.Registration": "registration",
    "people.Token": "sign_in",
    "phones.PhoneCode": "codes",
    "credentials.ResetCode": "codes",
}
READS, GUESSES, KEYS, RECIPIENTS = "reads", "guesses", "keys", "recipients"
KNOWN_FOR = timedelta(hours=1)
MOST_KNOWN = 10_000
KEY_PURPOSE = "addresses of callers"


class Limits:
    """The limits of an app. keys: by which addresses are remembered: the first one for new ones."""

    def __init__(self, rates: Rates, counters: Counters, clock: Clock, keys: Sequence[str]) -> None:
        self.keys = keys
        self._limiter = Limiter(rates, counters, clock)
        self._rates = rates
        self._counters, self._clock = counters, clock
        self._known: dict[str, datetime] = {}

    def count(self, who: str, otherwise: Callable[[], str | None] = lambda: None) -> None:
        """Counts the current request. Raises TooManyRequests.

        otherwise: for whom it counts if there are too many of `who`; None for nobody.
        """
        if (name := _name()) is None:
            return
        try:
            g.quota = self._limiter.count(name, who)
        except TooManyRequests as refused:
            g.quota = refused.quota
            if (other := otherwise()) is None:
                raise
            g.quota = self._limiter.count(name, other)

    @contextmanager
    def guess(self, secret: str, name: str = GUESSES, signed: bool = False) -> Iterator[None]:
        """A look at a token or a key, which is a guess if the block raises Unauthenticated.

        After too many wrong ones from an address, only those are looked at that were right from there within an hour.
        name: KEYS for what has so many random bits that nobody guesses it: its limit only saves the store work.
        signed: the secret is a token of ours. Nobody makes one up, and what others do at the address does not matter:
            it is refused only if it has ended, and was sent too often since.
        Raises TooManyRequests.
        """
        if name not in self._rates:
            yield
            return
        address = here()
        pair = hashlib.sha256(f"{address}\n{secret}".encode()).hexdigest()[:32]
        who = pair if signed else address
        if not self._is_known(pair):
            self._limiter.check(name, who)
        try:
            yield
        except Unauthenticated:
            self._limiter.count(name, who)
            raise
        self._remember(pair)

    def recipient(self, who: str, find: Callable[[], Found | None]) -> Found | None:
        """What a search for somebody to pay finds. A search that finds nobody counts.

        who: the id of the person who searches.
        Raises TooManyRequests after too many of those: nobody learns from transfers which names and phones there are.
        """
        self._limiter.check(RECIPIENTS, who)
        found = find()
        if found is None:
            self._limiter.count(RECIPIENTS, who)
        return found

    def _is_known(self, pair: str) -> bool:
        until = self._known.get(pair)
        if until is not None and until > self._clock.now():
            return True
        try:
            return self._counters.read(_key(pair)) > 0
        except StoreUnavailable:
            return False

    def _remember(self, pair: str) -> None:
        """Here, and where other processes find it."""
        now = self._clock.now()
        if self._known.get(pair, now) > now:
            return
        self._known.pop(pair, None)
        self._known[pair] = now + KNOWN_FOR / 2
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        try:
            self._counters.add(_key(pair), now + KNOWN_FOR)
        except StoreUnavailable:
            return  # it is known here


def limits() -> Limits:
    """The app's limits."""
    found: Limits = current_app.extensions["limits"]
    return found


def here() -> str:
    """The address of the caller, or the part of it that one customer has, as it is remembered."""
    return fingerprint(request.remote_addr or "", limits().keys[0])


def is_known_here(person: Person) -> bool:
    """Whether the caller's address is one of those from which this person came before."""
    address = request.remote_addr or ""
    return any(fingerprint(address, key) in person.addresses for key in limits().keys)


def address_keys(secrets: Sequence[str]) -> tuple[str, ...]:
    """The keys of Limits. secrets: those of the installation."""
    return derived_keys(secrets, KEY_PURPOSE)


def register(app: Flask) -> None:
    """Tells callers what is left to them."""

    @app.after_request
    def tell(response: Response) -> Response:
        quota = g.get("quota")
        if quota is not None:
            response.headers["RateLimit-Policy"] = f'"{quota.name}";q={quota.rate.most};w={quota.rate.within_s}'
            response.headers["RateLimit"] = f'"{quota.name}";r={max(0, quota.left)};t={quota.reset_s}'
        return response


def _name() -> str | None:
    """The sort of the current request; None for one that is not limited."""
    routes = current_app.blueprints.get(request.blueprint or "")
    if not isinstance(routes, Routes) or routes.limit is None:
        return None
    if request.method in ("GET", "HEAD"):
        return READS
    return BY_ENDPOINT.get(request.endpoint or "", routes.limit)


def _key(pair: str) -> str:
    return f"known\n{pair}"
