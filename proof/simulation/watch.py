"""A store that counts what each save does to a wallet, independently of the journal."""

from collections import Counter
from itertools import chain, combinations
from typing import Any

from core.store.port import WALLETS, Document, Store


class WatchedStore:
    """A Store that counts, by operation, how often money was held, spent, given back and credited.

    wrong: states that no wallet may ever have, not even between two saves of one payment.
    """

    def __init__(self, store: Store) -> None:
        self.held: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()
        self.given_back: Counter[str] = Counter()
        self.credited: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._store = store
        self._wallets: dict[str, Document] = {}

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def insert(self, collection: str, document: Document) -> Document:
        saved = self._store.insert(collection, document)
        if collection == WALLETS:
            self._wallets[saved["id"]] = saved
        return saved

    def replace(self, collection: str, document: Document) -> Document:
        saved = self._store.replace(collection, document)
        if collection == WALLETS:
            self._compare(self._wallets[saved["id"]], saved)
            self._wallets[saved["id"]] = saved
        return saved

    def counts(self, operation: str) -> tuple[int, int, int, int]:
        """Returns how often money was held, spent, given back and credited for this operation."""
        return (
            self.held[operation],
            self.spent[operation],
            self.given_back[operation],
            self.credited[operation],
        )

    def _compare(self, before: Document, now: Document) -> None:
        if now["balance"] < 0:
            self.wrong.append(f"the balance of wallet {now['id']} was {now['balance']}")
        held, credited = _new(now["holds"], before["holds"]), _new(now["applied"], before["applied"])
        gone = _new(before["holds"], now["holds"])
        self.held.update(held.keys())
        self.credited.update(credited.keys())
        back = now["balance"] - before["balance"] + sum(held.values()) - sum(credited.values())
        given_back = _with_sum(gone, back)
        if given_back is None:
            self.wrong.append(f"a save of wallet {now['id']} changed its balance by {back} without a reason")
        else:
            self.given_back.update(given_back)
            self.spent.update(gone.keys() - given_back)


def _new(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {id: amount for id, amount in now.items() if id not in before}


def _with_sum(amounts: dict[str, int], total: int) -> set[str] | None:
    """Returns the fewest of these that make up the total: a save may end several holds. None if none do."""
    some = chain.from_iterable(combinations(amounts, size) for size in range(len(amounts) + 1))
    return next((set(ids) for ids in some if sum(amounts[id] for id in ids) == total), None)
