"""Documents to store, and many threads to store them with."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from core.store.port import Document

Result = TypeVar("Result")
THREADS = 16


def operation(id: str, **fields: Any) -> Document:
    return {"id": id, "kind": "fine_payment", "status": "accepted"} | fields


def ids(documents: Iterable[Document]) -> list[str]:
    return [document["id"] for document in documents]


def the_one(found: Document | None) -> Document:
    """The document, which has to be there."""
    assert found is not None
    return found


def at_once(act: Callable[[int], Result], count: int = THREADS) -> list[Result]:
    """The results of act(0) ... act(count - 1), which all start at the same moment."""
    start = threading.Barrier(count)

    def run(number: int) -> Result:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
