"""Guesses of passwords: they slow down whoever guesses, and nobody else."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from core.clock import Clock
from core.errors import TooManyAttempts
from core.identity.windows import Window
from core.store.port import Store

PAIR = (5, 15 * 60)
"""Wrong passwords for one account from one address, within so many seconds."""
ACCOUNT = (20, 3600)
"""Wrong passwords for one account from all addresses that have not signed in to it before."""
ADDRESS = (50, 15 * 60)
"""Wrong passwords from one address for all accounts that have not been signed in to from there."""


class Guesses:
    """Wrong passwords within sliding windows. Right ones do not count.

    Whoever guesses can keep out neither an owner who is known at their address, nor others behind the same address. An
    owner who is new to an address shows something else: a code of a second factor, or one to the proven phone.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._pair = Window(store, clock, "sign-in", *PAIR)
        self._account = Window(store, clock, "sign-in account", *ACCOUNT)
        self._address = Window(store, clock, "sign-in address", *ADDRESS)

    @contextmanager
    def guess(
        self, account: str, address: str, known: bool, opens: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Counts a guess as wrong, unless the block ends without an exception.

        address: or its fingerprint.
        known: whether somebody has signed in to this account from this address before.
        opens: asked when only the guesses of others are in the way: whether something else shows that it is the owner.
        Raises TooManyAttempts, StoreUnavailable.
        """
        place = network(address)
        pair = f"{account}\n{place}"
        self._pair.count(pair)
        begun: list[tuple[Window, str, str]] = []
        if not known:
            try:
                for window, name in ((self._account, account), (self._address, place)):
                    begun.append((window, name, window.count(name)))
            except TooManyAttempts:
                if not opens():
                    raise
        yield
        self._pair.forget(pair)
        for window, name, at in begun:
            window.take_back(name, at)

    def forget(self, account: str, address: str) -> None:
        """Forgets the wrong passwords for an account from an address: its owner has shown there who they are."""
        self._pair.forget(f"{account}\n{network(address)}")


def network(address: str) -> str:
    """The part of an address that one customer has: all of IPv4, and half of IPv6 (RFC 6177).

    An IPv4 address in the form of IPv6 (RFC 4291, section 2.5.5.2) is that IPv4 address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip if ip.version == 4 else ip_network((ip, 64), strict=False))


def fingerprint(address: str, key: str) -> str:
    """How an address is remembered: who has only the store cannot read it, nor try all addresses.

    key: a secret of the installation.
    """
    return hmac.new(key.encode(), network(address).encode(), hashlib.sha256).hexdigest()[:16]
