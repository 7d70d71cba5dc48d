"""URLs that strangers give us to call: which hosts and addresses they may lead to.

Whoever names a URL must not have this installation call what only it can reach (server-side request forgery). A name is
resolved and checked at each call, and the call goes to the address that was checked: a name may change its address
between two look-ups.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

MAX_URL_CHARS = 2000
NOT_PUBLIC = "must not lead to an address that is not public."

Address = IPv4Address | IPv6Address

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
"""Where the machines of clouds read their own credentials."""
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")
_TRANSLATED = tuple(map(ip_network, ("64:ff9b:1::/48", "::ffff:0:0:0/96")))
"""Where translators of a network put its IPv4 addresses (RFC 8215, RFC 7915)."""
_SITE = ip_network("fec0::/10")
_SHARED = ip_network("100.64.0.0/10")


class TargetRefused(ValueError):
    """A URL that is not called. The message says why."""


@dataclass(frozen=True)
class Rules:
    """http: whether http:// is allowed; private: whether addresses of this machine and of private networks are."""

    http: bool = False
    private: bool = False


@dataclass(frozen=True)
class Target:
    """A URL in its parts. path: with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme] == self.port
        return host if usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def target_of(url: str, rules: Rules) -> Target:
    """The parts of a URL that may be called, as far as the URL itself tells. Raises TargetRefused."""
    if len(url) > MAX_URL_CHARS or not url.isascii() or any(ord(letter) <= ord(" ") for letter in url):
        raise TargetRefused("must be a URL in ASCII, of at most 2,000 characters.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise TargetRefused("must be a URL.") from None
    if parts.scheme not in (("https", "http") if rules.http else ("https",)) or not host:
        raise TargetRefused("must be a URL that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("must not contain a username or a password.")
    if parts.fragment:
        raise TargetRefused("must not contain a fragment (#).")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host.rstrip("."), port or {"https": 443, "http": 80}[parts.scheme], path)


def is_literal(target: Target) -> bool:
    """Whether the host is an address, so that nobody has to look it up."""
    try:
        ip_address(target.host)
    except ValueError:
        return False
    return True


def require_allowed(addresses: Iterable[str], rules: Rules) -> None:
    """Raises TargetRefused if one of them may not be called."""
    if any(not may_be_called(address, rules) for address in addresses):
        raise TargetRefused(NOT_PUBLIC)


def may_be_called(address: str, rules: Rules) -> bool:
    """Whether an address may be called, also where it stands inside of another one."""
    try:
        every = list(_inside(ip_address(address)))
    except ValueError:
        return False
    return all(_is_allowed(ip, rules) for ip in every)


def _is_allowed(ip: Address, rules: Rules) -> bool:
    if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    if ip in _SITE or any(ip in network for network in _TRANSLATED):
        return False
    if ip.is_global and not (ip.version == 4 and ip in _SHARED):
        return True
    return rules.private and (ip.is_private or ip.is_loopback or (ip.version == 4 and ip in _SHARED))


def _inside(ip: Address) -> Iterable[Address]:
    """The address, and the IPv4 addresses that gateways would make of it."""
    yield ip
    if isinstance(ip, IPv6Address):
        low = IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
            yield low
        yield from (each for each in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if each is not None)
