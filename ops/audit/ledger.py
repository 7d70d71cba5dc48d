"""The ledger's own proof: every wallet is what the journal says, and every entry is explained by an operation.

It may run beside the workers: what looks wrong is looked at again, by itself, before it is said.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from typing import Any

from core.ledger import MOBILE_MONEY, SERVICES, SYSTEM
from core.operation import TERMINAL, Status
from core.store.port import JOURNAL, OPERATIONS, WALLETS, Document, Store, scan

LOOKS = 5
"""At a wallet that changes while it is looked at."""

Legs = tuple[str, str]

LEGS: Mapping[str, Callable[[Mapping[str, Any]], Legs]] = {
    "wallet_top_up": lambda asked: (MOBILE_MONEY, asked["wallet"]),
    "wallet_transfer": lambda asked: (asked["from"], asked["to"]),
    "wallet_withdrawal": lambda asked: (asked["from"], asked["to"]),
    "service_payment": lambda asked: (asked["wallet"], SERVICES),
}
"""By kind of operation, from its request: which account its money leaves, and which it reaches. One line a product."""

Wrong = tuple[str, str]
"""A kind of discrepancy, and what it is."""


def examine_ledger(store: Store) -> Iterator[Wrong]:
    """All that is wrong with the ledger. Raises StoreUnavailable."""
    booked: dict[str, int] = defaultdict(int)
    for operation, entries in _joined(store):
        for entry in entries:
            if entry["account"] is not None:
                booked[entry["account"]] += entry["amount"]
        if _unexplained(operation, entries):
            yield from _look_at_operation(store, operation, entries)
    for wallet in scan(store, WALLETS, {}):
        if _adjusted(store, wallet) != booked.pop(wallet["id"], 0) or list(_holds_of_nobody(store, wallet)):
            yield from _look_at_wallet(store, wallet["id"])
        if wallet["balance"] < 0:
            yield "negative balance", f"wallet {wallet['id']} has {wallet['balance']}"
    for account in booked.keys() - SYSTEM:
        if store.get(WALLETS, account) is None:
            yield "journal", f"there are entries of {account}, and no such wallet"


def totals(store: Store) -> dict[str, dict[str, int]]:
    """By currency: minor units in wallets, held or not, and what the journal has of each system account."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("wallets", *sorted(SYSTEM)), 0))
    for wallet in scan(store, WALLETS, {}):
        found[wallet["currency"]]["wallets"] += wallet["balance"] + sum(wallet["holds"].values())
    for account in SYSTEM:
        for entry in scan(store, JOURNAL, {"account": account}):
            found[entry["currency"]][account] += entry["amount"]
    return dict(found)


def _joined(store: Store) -> Iterator[tuple[Document | None, list[Document]]]:
    """Each operation that moves money between accounts with its entries; None where entries have no operation.

    Both come in the order of the operation's id, so nothing is looked up and little is kept.
    """
    operations = merge(*(scan(store, OPERATIONS, {"kind": kind}) for kind in LEGS), key=lambda found: str(found["id"]))
    operation = next(operations, None)
    for id, entries in groupby(scan(store, JOURNAL, {}), key=lambda entry: str(entry["operation"])):
        while operation is not None and operation["id"] < id:
            yield operation, []
            operation = next(operations, None)
        if operation is not None and operation["id"] == id:
            yield operation, list(entries)
            operation = next(operations, None)
        else:
            yield None, list(entries)
    while operation is not None:
        yield operation, []
        operation = next(operations, None)


def _unexplained(operation: Document | None, entries: list[Document]) -> str | None:
    """What is wrong with the entries of an operation. Of one that has not ended, they may be there or not yet."""
    if operation is None:
        return "there is no such operation"
    asked = operation["request"]
    source, target = LEGS[operation["kind"]](asked)
    told = {entry["id"].rpartition(":")[2]: (entry["account"], entry["amount"]) for entry in entries}
    spent, given_back = {"out": (source, -asked["amount"])}, {"out": (None, 0)}
    moved = {**spent, "in": (target, asked["amount"])}
    if any(entry["currency"] != asked["currency"] for entry in entries):
        return f"its entries are not in {asked['currency']}"
    if operation["status"] == Status.SUCCEEDED:
        return None if told == moved else f"it has succeeded, with the entries {told}"
    if operation["status"] in TERMINAL:
        return None if told in ({}, given_back) else f"it has {operation['status']}, with the entries {told}"
    return None if told in ({}, given_back, spent, moved) else f"it goes on, with the entries {told}"


def _look_at_operation(store: Store, operation: Document | None, entries: list[Document]) -> Iterator[Wrong]:
    id = operation["id"] if operation else entries[0]["operation"]
    latest = store.get(OPERATIONS, id)  # before the entries: what it says is done, is there by then
    found = [entry for leg in ("in", "out") if (entry := store.get(JOURNAL, f"{id}:{leg}"))]
    if why := _unexplained(latest, found):
        yield "journal", f"operation {id}: {why}"


def _adjusted(store: Store, wallet: Document) -> int:
    """What the journal has to say of this wallet: what is held and not spent is still there, what is marked and not
    entered is not there yet."""
    held = (amount for id, amount in wallet["holds"].items() if not _spent(store.get(JOURNAL, f"{id}:out")))
    early = (amount for id, amount in wallet["applied"].items() if store.get(JOURNAL, f"{id}:in") is None)
    return int(wallet["balance"] + sum(held) - sum(early))


def _spent(entry: Document | None) -> bool:
    return entry is not None and entry["account"] is not None


def _holds_of_nobody(store: Store, wallet: Document) -> Iterator[str]:
    for id, amount in wallet["holds"].items():
        operation = store.get(OPERATIONS, id)
        if operation is None or operation["status"] in TERMINAL:
            yield f"wallet {wallet['id']} holds {amount} for {id}, which {'has ended' if operation else 'is not there'}"


def _look_at_wallet(store: Store, id: str) -> Iterator[Wrong]:
    """One that is never quiet is not said to be wrong."""
    for _ in range(LOOKS):
        wallet = store.get(WALLETS, id)
        assert wallet is not None
        booked = sum(entry["amount"] for entry in scan(store, JOURNAL, {"account": id}))
        has, unclaimed = _adjusted(store, wallet), list(_holds_of_nobody(store, wallet))
        if (store.get(WALLETS, id) or {}).get("version") != wallet["version"]:
            continue
        if has != booked:
            yield "balance", f"wallet {id} has {has}, the journal says {booked}"
        yield from (("hold of nobody", what) for what in unclaimed)
        return
