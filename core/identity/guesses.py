"""Guesses of passwords: they slow down whoever guesses, and nobody else."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from core.clock import Clock
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

    Whoever guesses can keep out neither the account's owner, who has signed in from elsewhere before, nor others behind
    the same address.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._pair = Window(store, clock, "sign-in", *PAIR)
        self._account = Window(store, clock, "sign-in account", *ACCOUNT)
        self._address = Window(store, clock, "sign-in address", *ADDRESS)

    @contextmanager
    def guess(self, account: str, address: str, known: bool) -> Iterator[None]:
        """Counts a guess as wrong, unless the block ends without an exception.

        known: whether somebody has signed in to this account from this address before.
        Raises TooManyAttempts, StoreUnavailable.
        """
        place = network(address)
        counted = [(self._pair, f"{account}\n{place}")]
        if not known:
            counted += [(self._account, account), (self._address, place)]
        begun = [(window, name, window.count(name)) for window, name in counted]
        yield
        self._pair.forget(counted[0][1])
        for window, name, at in begun[1:]:
            window.take_back(name, at)


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


def fingerprint(address: str) -> str:
    """How an address is remembered: nobody can read it from the store."""
    return hashlib.sha256(network(address).encode()).hexdigest()[:16]
