"""Turns at a document: threads that wait share a save, and each hears what became of its own change."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from core import turns
from core.errors import InsufficientFunds, StoreUnavailable
from core.store.memory import MemoryStore
from core.store.port import WALLETS, Document
from core.turns import Change, ThreadTurns, save_together
from tests.doubles import CutOff

ID = "shop"


class Desk:
    """Threads take turns at one document. The first one is held up until as many others wait as a test wants."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.saved: list[list[Change]] = []
        self.fails: BaseException | None = None
        self._pool = pool
        self._turns = ThreadTurns()
        self._begun, self._goes_on = threading.Event(), threading.Event()

    def queue(self, changes: list[Change]) -> list[Future[None]]:
        """Starts a thread for each change, in order, and lets the first go on when all wait."""
        threads = [self._take(changes[0])]
        assert self._begun.wait(10)
        for number, change in enumerate(changes[1:], 1):
            threads.append(self._take(change))
            while len(self._turns._queues[ID]) < number:
                pass
        self._goes_on.set()
        return threads

    def _take(self, change: Change) -> Future[None]:
        return self._pool.submit(self._turns.take, ID, change, self._save)

    def _save(self, changes: list[Change]) -> None:
        self._begun.set()
        assert self._goes_on.wait(10)
        self.saved.append(changes)
        if self.fails is not None:
            fails, self.fails = self.fails, None
            raise fails


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ThreadPoolExecutor(16) as pool:
        yield Desk(pool)


def by(amount: int) -> Callable[[Document], Document | None]:
    return lambda wallet: {**wallet, "balance": wallet["balance"] + amount}


def refuse(wallet: Document) -> Document | None:
    raise InsufficientFunds


def wallet() -> MemoryStore:
    store = MemoryStore()
    store.insert(WALLETS, {"id": ID, "balance": 0})
    return store


def balance(store: MemoryStore) -> tuple[int, int]:
    """And the version."""
    document = store.get(WALLETS, ID)
    assert document is not None
    return document["balance"], document["version"]


def test_all_that_wait_are_saved_together_in_the_order_of_their_coming(desk: Desk) -> None:
    changes = [Change(by(number)) for number in range(10)]
    for thread in desk.queue(changes):
        thread.result(10)
    assert desk.saved == [changes[:1], changes[1:]]


def test_a_save_is_shared_by_a_bounded_number_and_the_next_one_leads_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_TOGETHER", 3)
    changes = [Change(by(number)) for number in range(9)]
    for thread in desk.queue(changes):
        thread.result(10)
    assert desk.saved == [changes[:1], changes[1:4], changes[4:7], changes[7:]]


def test_turns_at_another_document_wait_for_nobody(desk: Desk) -> None:
    desk._take(Change(by(1)))
    assert desk._begun.wait(10)
    saved: list[Change] = []
    desk._turns.take("another", change := Change(by(1)), saved.extend)
    assert saved == [change]
    desk._goes_on.set()


def test_those_that_wait_go_on_when_the_saving_thread_is_interrupted(desk: Desk) -> None:
    desk.fails = KeyboardInterrupt()
    changes = [Change(by(number)) for number in range(5)]
    first, *others = desk.queue(changes)
    with pytest.raises(KeyboardInterrupt):
        first.result(10)
    for thread in others:
        thread.result(10)
    assert desk.saved == [changes[:1], changes[1:]]
    assert desk._turns._queues == {}


def test_changes_see_each_other_and_one_that_raises_is_left_out() -> None:
    store = wallet()
    seen: list[int] = []

    def look(document: Document) -> None:
        seen.append(document["balance"])

    changes = [Change(apply) for apply in (by(5), refuse, look, by(7), look)]
    save_together(store, WALLETS, ID, changes)
    assert balance(store) == (12, 2)
    assert seen == [5, 12]
    assert [type(change.error) for change in changes] == [type(None), InsufficientFunds, *[type(None)] * 3]


def test_nothing_is_saved_when_nothing_changes() -> None:
    store = wallet()
    save_together(
        store, WALLETS, ID, [Change(lambda _: None), Change(refuse)], lambda document: {**document, "balance": 3}
    )
    assert balance(store) == (0, 1)


def test_everyone_hears_of_a_failed_save_also_who_was_refused_by_what_was_not_saved() -> None:
    changes = [Change(by(-5)), Change(refuse), Change(lambda _: None)]
    save_together(CutOff(wallet(), 1), WALLETS, ID, changes)
    assert [type(change.error) for change in changes] == [StoreUnavailable] * 3


def test_everyone_hears_of_an_interrupted_save() -> None:
    class Interrupted(MemoryStore):
        def replace(self, collection: str, document: Document) -> Document:
            raise KeyboardInterrupt

    store = Interrupted()
    store.insert(WALLETS, {"id": ID, "balance": 0})
    changes = [Change(by(1)), Change(by(2))]
    with suppress(KeyboardInterrupt):
        save_together(store, WALLETS, ID, changes)
    assert [type(change.error) for change in changes] == [StoreUnavailable] * 2


def test_a_save_that_another_process_overtakes_is_made_again_from_what_it_left() -> None:
    class Overtaken(MemoryStore):
        others = 2

        def replace(self, collection: str, document: Document) -> Document:
            if self.others:
                self.others -= 1
                theirs = self.get(collection, ID)
                assert theirs is not None
                super().replace(collection, {**theirs, "balance": theirs["balance"] + 100})
            return super().replace(collection, document)

    store = Overtaken()
    store.insert(WALLETS, {"id": ID, "balance": 0})

    def at_most_once(document: Document) -> Document | None:
        if document["balance"] >= 100:
            raise InsufficientFunds
        return by(1)(document)

    changes = [Change(by(5)), Change(at_most_once)]
    save_together(store, WALLETS, ID, changes)
    assert balance(store) == (205, 4)
    assert changes[0].error is None
    assert isinstance(changes[1].error, InsufficientFunds)
