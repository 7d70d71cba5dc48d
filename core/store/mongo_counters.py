"""Counters in MongoDB, which all processes share. They are lost with a server that dies: no money hangs on them."""

from datetime import datetime

from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from core.store.mongo import DATABASE, connect, unavailable
from core.store.port import Document

COLLECTION = "rate_counters"
CONNECTIONS = 32
WAIT_S = 1.0
"""For a server that is away: whoever asks is then not counted."""


class MongoCounters:
    """url: that of the store. The server forgets keys about a minute after their time. Build it after a fork."""

    def __init__(self, url: str) -> None:
        client = connect(url, CONNECTIONS, WAIT_S)
        self._client = client
        self._counters = client.get_default_database(DATABASE, write_concern=WriteConcern(1))[COLLECTION]
        self._prepared = False

    def add(self, key: str, until: datetime) -> int:
        with unavailable():
            self._prepare()
            try:
                return self._add(key, until)
            except DuplicateKeyError:  # another process has made it at the same moment
                return self._add(key, until)

    def read(self, key: str) -> int:
        with unavailable():
            found = self._counters.find_one({"_id": key})
        return int(found["total"]) if found else 0

    def close(self) -> None:
        self._client.close()

    def _add(self, key: str, until: datetime) -> int:
        change = {"$inc": {"total": 1}, "$setOnInsert": {"until": until}}
        found: Document | None = self._counters.find_one_and_update(
            {"_id": key}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(found["total"]) if found else 0

    def _prepare(self) -> None:
        if not self._prepared:
            self._counters.create_index("until", expireAfterSeconds=0)
            self._prepared = True
