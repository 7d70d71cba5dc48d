"""Guesses of passwords: they slow down whoever guesses, and nobody else."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from core.clock import Clock
from core.errors import TooManyAttempts
from core.identity.windows import Counted, Window, count_all, take_back_all
from core.store.port import Store

PAIR = (5, 15 * 60)
"""Wrong passwords for one account from one address, within so many seconds."""
ACCOUNT = (20, 3600)
"""Wrong passwords for one account from all addresses that have not signed in to it before."""
ADDRESS = (50, 15 * 60)
"""Wrong passwords from one address for all accounts that have not been signed in to from there."""
CODES = ((20, 3600), (50, 86400))
"""Wrong codes of an account's second factor, of people who have its password: so many within so many seconds, from all
addresses that have not signed in to it before, and from each of those that have."""


class Guesses:
    """Wrong passwords within sliding windows. Right ones do not count.

    Who guesses without the password keeps out no owner who shows a second factor. Other owners who are known at their
    address are kept out only by guesses from there. Those who are new to it are kept out by other guesses too, and show
    a code to the proven phone instead.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._pair = Window(store, clock, "sign-in", *PAIR)
        self._account = Window(store, clock, "sign-in account", *ACCOUNT)
        self._address = Window(store, clock, "sign-in address", *ADDRESS)
        self._codes = tuple(Window(store, clock, f"sign-in code {limit[1]}", *limit) for limit in CODES)

    @contextmanager
    def guess(
        self, account: str, address: str, known: bool, with_code: bool = False
    ) -> Iterator[TooManyAttempts | None]:
        """Counts a guess as wrong, unless the block ends without an exception.

        address: or its fingerprint.
        known: whether somebody has signed in to this account from this address before.
        with_code: whether the block looks at a second factor too, and ends well only if both are right. Then full
            counts do not stop it, and it gets what else would have been raised. Whatever is wrong, the block raises
            that: else it would tell who guesses past the counts that the password is right.
        Raises TooManyAttempts, StoreUnavailable.
        """
        place = network(address)
        pair = f"{account}\n{place}"
        begun: list[Counted] = []
        full = None
        counts = [(self._pair, pair)] + [(self._account, account), (self._address, place)] * (not known)
        try:
            for window, name in counts:
                begun.append((window, name, window.count(name)))
        except TooManyAttempts as refused:
            if not with_code:
                raise
            full = refused
        yield full
        self._pair.forget(pair)
        take_back_all(begun)

    @contextmanager
    def code(self, account: str, address: str, known: bool) -> Iterator[None]:
        """Counts a wrong code of the second factor, unless the block ends without an exception.

        Only for who has shown the password: others would keep out the owner by codes without end.
        Raises TooManyAttempts, StoreUnavailable.
        """
        name = f"{account}\n{network(address) if known else ''}"
        begun = count_all((window, name) for window in self._codes)
        yield
        take_back_all(begun)

    def closed_to_codes(self, account: str, address: str, known: bool) -> bool:
        """Whether `code` would refuse."""
        name = f"{account}\n{network(address) if known else ''}"
        full = [window.full(name) for window in self._codes]  # each is read, whatever the others say
        return any(full)

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
