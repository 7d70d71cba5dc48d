"""Small facts that partners keep in the books, such as registered URLs and counters."""

import json

from mock_api.books import Books


class Notes:
    """Reads and writes texts by key."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def get(self, key: str) -> str | None:
        return self._books.note(key)

    def put(self, key: str, value: str) -> None:
        self._books.write_note(key, value)

    def serial(self, key: str) -> int:
        """Returns how often it was called for `key`, from 1."""
        with self._books.transaction():
            number = int(self._books.note(f"serial:{key}") or 0) + 1
            self._books.write_note(f"serial:{key}", str(number))
        return number

    def add(self, key: str, value: str) -> None:
        """Adds a value to the list at `key`, unless it is there."""
        with self._books.transaction():
            values = self.listed(key)
            if value not in values:
                self._books.write_note(key, json.dumps([*values, value]))

    def listed(self, key: str) -> list[str]:
        """Returns the list at `key`, in the order in which values were added."""
        values: list[str] = json.loads(self._books.note(key) or "[]")
        return values
