"""What nobody may find in a store that is sealed: phones, and what people and machines have asked for."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.installed import DEFAULT
from core.ledger import SYSTEM
from core.operation import MOVES
from core.store.port import Collection, Store, scan
from core.store.sealed import SEALED

PHONE = re.compile(r"(?<![\w-])\+?(?:225|233|237|243|254|260|261|33)[0-9]{8,10}(?![\w-])")
"""In E.164, of the countries that occur in tests."""
HASHES = re.compile(r"\$argon2|(?<![\w-])[0-9a-f]{64}(?![\w-])")
"""Of passwords and PINs; and SHA-256, whatever of."""
PUBLIC = (
    MOVES
    | SYSTEM
    | DEFAULT.kinds.keys()
    | {account for each in DEFAULT.contracts.values() for account in each.accounts}
)
"""Words of the code: statuses, system accounts and kinds."""

ID = re.compile(r"[0-9a-f-]{36}|[0-9a-f]{16}")
"""Of documents, in installations and in simulations."""


def raw_text(raw: Store, collections: Mapping[str, Collection]) -> str:
    """All that the database has, but the tokens: chance writes in those what it likes."""
    return "\n".join(
        json.dumps({name: value for name, value in document.items() if name != SEALED}, ensure_ascii=False)
        for name, collection in collections.items()
        if collection.name != "leases"  # the ids of workers' shares are hashes of kinds
        for document in scan(raw, name, {})
    )


def asked_for(store: Store) -> set[str]:
    """Texts of the requests that are long enough to be recognized, and are neither ids nor words of the code.

    store: as processes see it.
    """
    return {
        text
        for operation in scan(store, "operations", {})
        for text in _texts(operation["request"])
        if len(text) >= 8 and not ID.fullmatch(text) and text not in PUBLIC
    }


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
