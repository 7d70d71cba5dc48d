"""The engine announces a status before it saves it."""

from typing import Any

import pytest

from core.errors import Conflict, StoreUnavailable
from core.operation import TERMINAL, Operation, Status
from core.store.port import Document, Store
from tests.doubles import LEASE_S, FakeClock, ScriptedPartner, engine, insert, load, process, step
from worker.engine import Engine
from worker.partners.port import Confirmed, Declined, Reply, Unavailable


class Saves:
    """The store, and what happens instead of the first save of an end."""

    def __init__(self, store: Store, instead: Exception | None = None) -> None:
        self._store = store
        self._instead = instead

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def replace(self, collection: str, document: Document) -> Document:
        if document["status"] in TERMINAL and self._instead:
            error, self._instead = self._instead, None
            raise error
        return self._store.replace(collection, document)


def ends(store: Store, clock: FakeClock, saves: Saves, partner: ScriptedPartner) -> tuple[Engine, list[Status]]:
    """A worker, and how the operation was stored whenever its end was announced."""
    seen: list[Status] = []

    def announce(before: Operation, after: Operation) -> None:
        assert load(store).moves() == before.moves() != after.moves()
        if after.terminal:
            seen.append(load(store).status)

    insert(store)
    return engine(saves, clock, process((step("one", partner),)), announce=announce), seen


@pytest.mark.parametrize("reply", [Confirmed(), Declined("no")])
def test_an_end_is_announced_before_it_is_saved_and_at_no_other_time(
    store: Store, clock: FakeClock, reply: Reply
) -> None:
    worker, seen = ends(store, clock, Saves(store), ScriptedPartner(Unavailable("HTTP 503"), reply))
    worker.advance("op-1")
    assert seen == []
    clock.tick(60)
    for _ in range(2):
        worker.advance("op-1")
    assert seen == [Status.PROCESSING]
    assert load(store).terminal


@pytest.mark.parametrize("instead", [Conflict(), StoreUnavailable()])
def test_an_end_that_could_not_be_saved_is_announced_again(store: Store, clock: FakeClock, instead: Exception) -> None:
    worker, seen = ends(store, clock, Saves(store, instead), ScriptedPartner(Confirmed(), Confirmed()))
    try:
        worker.advance("op-1")
    except StoreUnavailable:
        assert isinstance(instead, StoreUnavailable)
    assert not load(store).terminal
    clock.tick(LEASE_S)
    worker.advance("op-1")
    assert seen == [Status.PROCESSING] * 2
    assert load(store).status is Status.SUCCEEDED
