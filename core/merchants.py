"""Merchants, at whom people withdraw: a code to type, and whose wallet is credited."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from core.clock import Clock, to_text
from core.errors import Duplicate
from core.store.port import MERCHANTS, Store

DIGITS = 6


def new_code() -> str:
    """Six digits of which the first is no zero."""
    return str(10 ** (DIGITS - 1) + secrets.randbelow(9 * 10 ** (DIGITS - 1)))


@dataclass(frozen=True)
class Merchant:
    """owner: the id of the person whose wallet is credited."""

    code: str
    name: str
    owner: str


class Merchants:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, owner: str, codes: Callable[[], str] = new_code) -> Merchant:
        while True:
            merchant = Merchant(codes(), name, owner)
            document = {"id": merchant.code, "name": name, "owner": owner, "created_at": to_text(self._clock.now())}
            try:
                self._store.insert(MERCHANTS, document)
                return merchant
            except Duplicate:
                continue

    def get(self, code: str) -> Merchant | None:
        document = self._store.get(MERCHANTS, code) if len(code) == DIGITS else None
        return Merchant(code, document["name"], document["owner"]) if document else None
