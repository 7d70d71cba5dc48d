"""What a partner knows about one kind of order: how it decides, what it records, and how it numbers transactions."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mock_api.books import Books, Order


@dataclass(frozen=True)
class Verdict:
    """A partner's decision on an order.

    reason: why it is refused; None to accept it.
    waits: whether the order is PENDING first.
    after_s: how long it waits, in seconds; None for the ledger's `pending_s`, infinity to wait for ever.
    """

    reason: str | None = None
    waits: bool = False
    after_s: float | None = None


@dataclass(frozen=True)
class Trade:
    """One kind of order.

    effects: the name of its list in `/_truth`.
    number: returns the id of an order's transaction.
    reported: the fields of the order that are in that list.
    decide: the partner's decision on an order. It is asked again when a waiting order falls due.
    record: notes a successful order in the books.
    fixed: fields with a fixed value in that list.
    waits: whether each order is PENDING first, even if a scripted rule decides it.
    """

    effects: str
    number: Callable[[Order], str]
    reported: tuple[str, ...]
    decide: Callable[[Books, Order], Verdict]
    record: Callable[[Books, Order], None]
    fixed: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


Trades = Mapping[tuple[str, str], Trade]
"""All kinds of orders, by partner and call."""


def digest(order: Order) -> bytes:
    """Returns 8 bytes that depend on the order's id alone: a repeated run gets the same ids in any order of calls."""
    return hashlib.blake2b(json.dumps([order.partner, order.request_id]).encode(), digest_size=8).digest()


def prefixed(prefix: str) -> Callable[[Order], str]:
    """Returns a numbering of transactions: the prefix and 16 hexadecimal digits."""
    return lambda order: f"{prefix}{digest(order).hex().upper()}"
