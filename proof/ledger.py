"""Checks the ledger: every wallet agrees with the journal, and every entry is explained by an operation.

It may run while workers do: an apparent discrepancy is read again, on its own, before it is reported. Entries of kinds
that no installed product knows count in the balances, and are not judged otherwise.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import groupby
from typing import Any

from core.contract import Contract
from core.ledger import SYSTEM
from core.operation import TERMINAL, Status
from core.store.port import JOURNAL, OPERATIONS, WALLETS, Document, Store, scan

MAX_READS = 5
"""Reads of a wallet that changes while it is checked."""

Contracts = Mapping[str, Contract[Any]]
"""Contracts by kind of operation. Those with legs move money between accounts."""

Discrepancy = tuple[str, str]
"""The sort of discrepancy, and its description."""


def examine_ledger(store: Store, contracts: Contracts) -> Iterator[Discrepancy]:
    """Yields every discrepancy of the ledger. Raises StoreUnavailable."""
    booked: dict[str, int] = defaultdict(int)
    unjudged: set[str] = set()
    for operation, entries in _joined(store, contracts):
        for entry in entries:
            if entry["account"] is not None:
                booked[entry["account"]] += entry["amount"]
        if operation is None and _is_of_unknown_kind(store, contracts, entries[0]["operation"]):
            unjudged.update(entry["account"] for entry in entries)
        elif _unexplained(contracts, operation, entries):
            yield from _recheck_operation(store, contracts, operation, entries)
    for wallet in scan(store, WALLETS, {}):
        yield from _examine_wallet(store, wallet, booked.pop(wallet["id"], 0))
    for account in booked.keys() - system_accounts(contracts) - unjudged:
        if store.get(WALLETS, account) is None:
            yield "journal", f"{account} has entries, but there is no such wallet"


def _examine_wallet(store: Store, wallet: Document, booked: int) -> Iterator[Discrepancy]:
    if _adjusted(store, wallet) != booked or list(_dangling_holds(store, wallet)):
        yield from _recheck_wallet(store, wallet["id"])
    if wallet["balance"] < 0:
        yield "negative balance", f"wallet {wallet['id']} has {wallet['balance']}"


def system_accounts(contracts: Contracts) -> frozenset[str]:
    """Returns the accounts that are not wallets."""
    return SYSTEM.union(*(contract.accounts for contract in contracts.values()))


def totals(store: Store, contracts: Contracts) -> dict[str, dict[str, int]]:
    """Returns totals in minor units, by currency and account.

    "wallets" is the sum of all wallets, including what is held; the others are the journal's sums of system accounts.
    """
    system = sorted(system_accounts(contracts))
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("wallets", *system), 0))
    for wallet in scan(store, WALLETS, {}):
        found[wallet["currency"]]["wallets"] += wallet["balance"] + sum(wallet["holds"].values())
    for account in system:
        for entry in scan(store, JOURNAL, {"account": account}):
            found[entry["currency"]][account] += entry["amount"]
    return dict(found)


def _joined(store: Store, contracts: Contracts) -> Iterator[tuple[Document | None, list[Document]]]:
    """Yields each operation that moves money between accounts, with its entries; None for entries without operation.

    Both are read in the order of the operation's id, so no look-ups are needed and memory stays small.
    """
    kinds = [kind for kind, contract in contracts.items() if contract.legs]
    operations = merge(*(scan(store, OPERATIONS, {"kind": kind}) for kind in kinds), key=lambda found: str(found["id"]))
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


def _is_of_unknown_kind(store: Store, contracts: Contracts, id: str) -> bool:
    document = store.get(OPERATIONS, id)
    return document is not None and document["kind"] not in contracts


def _unexplained(contracts: Contracts, operation: Document | None, entries: list[Document]) -> str | None:
    """Returns what is wrong with the entries of an operation, or None. An unfinished one may have some of them."""
    if operation is None:
        return "there is no such operation"
    request, contract = operation["request"], contracts[operation["kind"]]
    legs = contract.legs and contract.legs(contract.request.from_json(request))
    if legs is None:
        return f"this operation, a {operation['kind']}, moves no money between accounts" if entries else None
    source, target = legs
    found = {entry["id"].rpartition(":")[2]: (entry["account"], entry["amount"]) for entry in entries}
    spent, given_back = {"out": (source, -request["amount"])}, {"out": (None, 0)}
    moved = {**spent, "in": (target, request["amount"])}
    if any(entry["currency"] != request["currency"] for entry in entries):
        return f"its entries are not in {request['currency']}"
    if operation["status"] == Status.SUCCEEDED:
        return None if found == moved else f"it has succeeded, but has the entries {found}"
    if operation["status"] in TERMINAL:
        return (
            None
            if found in ({}, given_back)
            else f"its status is {operation['status']}, but it has the entries {found}"
        )
    return None if found in ({}, given_back, spent, moved) else f"it is unfinished, but has the entries {found}"


def _recheck_operation(
    store: Store, contracts: Contracts, operation: Document | None, entries: list[Document]
) -> Iterator[Discrepancy]:
    id = operation["id"] if operation else entries[0]["operation"]
    latest = store.get(OPERATIONS, id)  # read before the entries: those of a finished operation are stored by then
    found = [entry for leg in ("in", "out") if (entry := store.get(JOURNAL, f"{id}:{leg}"))]
    if why := _unexplained(contracts, latest, found):
        yield "journal", f"operation {id}: {why}"


def _adjusted(store: Store, wallet: Document) -> int:
    """Returns the sum that the journal must have for this wallet, in minor units.

    It is the balance, plus holds that are not spent yet, minus credits that are not entered yet.
    """
    held = (amount for id, amount in wallet["holds"].items() if not _spent(store.get(JOURNAL, f"{id}:out")))
    early = (amount for id, amount in wallet["applied"].items() if _is_early(store, id))
    return int(wallet["balance"] + sum(held) - sum(early))


def _is_early(store: Store, operation: str) -> bool:
    """Returns whether the entry of a marked credit is still to come. One that has ended has its entry, or lacks it."""
    if store.get(JOURNAL, f"{operation}:in") is not None:
        return False
    found = store.get(OPERATIONS, operation)
    return found is not None and found["status"] not in TERMINAL


def _spent(entry: Document | None) -> bool:
    return entry is not None and entry["account"] is not None


def _dangling_holds(store: Store, wallet: Document) -> Iterator[str]:
    for id, amount in wallet["holds"].items():
        operation = store.get(OPERATIONS, id)
        if operation is None or operation["status"] in TERMINAL:
            why = "has ended" if operation else "does not exist"
            yield f"wallet {wallet['id']} holds {amount} for {id}, which {why}"


def _recheck_wallet(store: Store, id: str) -> Iterator[Discrepancy]:
    """Reads a wallet again until it does not change meanwhile. One that keeps changing is not reported."""
    for _ in range(MAX_READS):
        wallet = store.get(WALLETS, id)
        assert wallet is not None
        expected = _adjusted(store, wallet)
        booked = sum(entry["amount"] for entry in scan(store, JOURNAL, {"account": id}))
        dangling = list(_dangling_holds(store, wallet))
        # An entry can come without a save of the wallet, which keeps its mark until the next one.
        if _adjusted(store, wallet) != expected or (store.get(WALLETS, id) or {}).get("version") != wallet["version"]:
            continue
        if expected != booked:
            yield "balance", f"wallet {id} has {expected}, but the journal has {booked}"
        yield from (("dangling hold", what) for what in dangling)
        return
