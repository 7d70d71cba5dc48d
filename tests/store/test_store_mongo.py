"""What only a server can show: that it is gone."""

from pathlib import Path

import pytest
from store.samples import at_once, operation
from store.servers import nx_27017

from core.errors import StoreUnavailable
from core.store.mongo import MongoStore


def test_a_server_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with nx_27017(tmp_path) as (url, server):
        store = MongoStore(url)
        saved = store.insert("operations", operation("a"))
        server.kill()
        server.wait()

        verbs = [
            lambda: store.insert("operations", operation("b")),
            lambda: store.get("operations", "a"),
            lambda: store.get_by("operations", "fingerprint", "x"),
            lambda: store.replace("operations", saved),
            lambda: store.find("operations", {}),
            lambda: store.delete("operations", "a", 1),
            lambda: MongoStore(url).get("operations", "a"),
        ]

        def fails(number: int) -> None:
            with pytest.raises(StoreUnavailable):
                verbs[number]()

        at_once(fails, len(verbs))
        store.close()


def test_starts_again_on_what_is_stored(tmp_path: Path) -> None:
    with nx_27017(tmp_path) as (url, _):
        saved = MongoStore(url).insert("operations", operation("a"))

        assert MongoStore(url).get("operations", "a") == saved


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    with nx_27017(tmp_path) as (url, _):
        store = MongoStore(url)
        store.close()

        with pytest.raises(StoreUnavailable):
            store.get("operations", "a")
