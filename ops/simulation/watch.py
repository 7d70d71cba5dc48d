"""The world's store with an eye on wallets: it counts what each save does to one, and knows nothing of the journal."""

from collections import Counter
from typing import Any

from core.store.port import WALLETS, Document, Store


class WatchedStore:
    """The Store port. By operation: how often money was held for it, spent, given back, and credited.

    wrong: what no wallet may ever be, not even between two saves of one payment.
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
            self._look(self._wallets[saved["id"]], saved)
            self._wallets[saved["id"]] = saved
        return saved

    def counts(self, operation: str) -> tuple[int, int, int, int]:
        """How often it was held, spent, given back and credited."""
        return (
            self.held[operation],
            self.spent[operation],
            self.given_back[operation],
            self.credited[operation],
        )

    def _look(self, before: Document, now: Document) -> None:
        if now["balance"] < 0:
            self.wrong.append(f"wallet {now['id']} went down to {now['balance']}")
        self.held.update(now["holds"].keys() - before["holds"].keys())
        self.credited.update(now["applied"].keys() - before["applied"].keys())
        gone = self.given_back if now["balance"] > before["balance"] else self.spent
        gone.update(before["holds"].keys() - now["holds"].keys())
