"""The register of merchants: a code to type, a name, and whose wallet is credited."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from core.clock import Clock, to_rfc3339
from core.errors import Duplicate, InvalidField, StoreUnavailable
from core.store.port import Store

MERCHANTS = "merchants"
"""The collection."""
DIGITS = 6
MAX_TRIES = 100
"""Codes drawn for one merchant before we give up: each but the first needs the code to be taken."""
MAX_NAME_CHARS = 100


_NAME = re.compile(r"\S.*")


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
        """Raises InvalidField for a name of no visible text, or of more than MAX_NAME_CHARS characters."""
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
            raise InvalidField("name", "Not a name.")
        for _ in range(MAX_TRIES):
            merchant = Merchant(codes(), name, owner)
            document = {"id": merchant.code, "name": name, "owner": owner, "created_at": to_rfc3339(self._clock.now())}
            try:
                self._store.insert(MERCHANTS, document)
                return merchant
            except Duplicate:
                continue
        raise StoreUnavailable(reason="no free code was found")

    def get(self, code: str) -> Merchant | None:
        document = self._store.get(MERCHANTS, code) if len(code) == DIGITS else None
        return Merchant(code, document["name"], document["owner"]) if document else None
