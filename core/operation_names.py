"""What operations can be found by, besides their ids: a document for each name that somebody else has for one.

A name is `sort:value`, such as `key:order-7`. Several operations may have one name, and one may have several.
"""

from collections.abc import Iterable, Iterator, Mapping

from core.errors import Duplicate
from core.store.port import OPERATION_NAMES, Document, Store

KEY, PARTNER = "key", "partner"
"""The sorts of all kinds: the client's own idempotency key, and what a partner calls a step."""
MAX_CHARS = 255
MAX_PER_PLACE = 5
"""How many different names one place may come to have: a partner that gives another id each time is not followed."""


def named(sort: str, value: str) -> str:
    """A name, as it is stored and looked for."""
    return f"{sort}:{value}"[:MAX_CHARS]


def documents(operation: str, names: Iterable[str]) -> list[tuple[str, Document]]:
    """What `insert_all` stores before the operation, for the names that are known when it is accepted."""
    return [
        (OPERATION_NAMES, {"id": f"{operation}:{number}", "name": name})
        for number, name in enumerate(dict.fromkeys(names))
    ]


def add(store: Store, operation: str, names: Iterable[str]) -> None:
    """Stores names that are known when the operation is accepted, one by one. It may be repeated."""
    for collection, document in documents(operation, names):
        try:
            store.insert(collection, document)
        except Duplicate:
            continue


def add_later(store: Store, operation: str, names: Mapping[str, str]) -> None:
    """Stores names that came later. Call it before the operation is saved with them; it may be repeated.

    names: by the place that they are known from. A place may come to have another name; the earlier ones stay.
    """
    for place, name in names.items():
        for number in range(MAX_PER_PLACE):
            document = {"id": f"{operation}:{place}:{number}", "name": name}
            try:
                store.insert(OPERATION_NAMES, document)
            except Duplicate:
                there = store.get(OPERATION_NAMES, document["id"])
                if there is not None and there["name"] != name:
                    continue
            break


def holders(store: Store, name: str, limit: int, after: str | None = None) -> Iterator[str]:
    """The ids of operations with this name, newest first, at most so many.

    after: the id of an operation that was found before; only older ones follow.
    """
    found: set[str] = set()
    edge = (after, after) if after else None
    while page := store.find(OPERATION_NAMES, {"name": name}, order="-id", limit=limit + 1, after=edge):
        for document in page:
            operation = document["id"].partition(":")[0]
            if operation not in found:
                if len(found) == limit:
                    return
                found.add(operation)
                yield operation
        edge = (page[-1]["id"], page[-1]["id"])
