"""The security log: who did what that bears on access, from where, and how it ended. It is only ever added to."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import structlog

from core.clock import Clock, to_rfc3339
from core.errors import StoreUnavailable
from core.ids import new_id
from core.store.port import SCAN_PAGE, SECURITY_LOG, Document, Store

log = structlog.get_logger()


MAX_CHARS = 300


class SecurityLog:
    """An entry is a line of the process's log, and a document that is kept for a year."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def note(
        self,
        what: str,
        *,
        who: str,
        where: str,
        on: str = "",
        outcome: str = "done",
        request: str = "",
        told: bool = True,
        kept: bool = True,
    ) -> None:
        """Adds an entry. It never holds a secret. Where the store is away, the line is all there is.

        what: such as `sign-in`; who: an id or a name; where: an address, or `console`; on: what it was done to;
        outcome: `done`, or the code of an error; request: the id of the request.
        told: whether it is a line of the log; a command at a terminal has none.
        kept: whether it is stored; what anybody can cause at no cost is not.
        """
        entry = {
            "what": what,
            "who": _plain(who),
            "where": where,
            "on": _plain(on),
            "outcome": outcome,
            "request": request,
        }
        if told:
            log.info("security", **entry)
        if kept:
            try:
                self._store.insert(SECURITY_LOG, {"id": new_id(), "at": to_rfc3339(self._clock.now()), **entry})
            except StoreUnavailable as error:
                log.warning("security_entry_not_stored", error=str(error))

    def newest(self, limit: int, **equal: str | None) -> Iterator[Document]:
        """The newest entries first, at most so many. equal: members and the values that they must have, if any."""
        wanted: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
        found = (entry for entry in self._newest() if all(entry.get(name) == wanted[name] for name in wanted))
        yield from islice(found, limit)

    def _newest(self) -> Iterator[Document]:
        after = None
        while page := self._store.find(SECURITY_LOG, {}, order="-id", after=after, limit=SCAN_PAGE):
            yield from page
            after = (page[-1]["id"], page[-1]["id"])


def _plain(text: str) -> str:
    """A text that somebody else wrote, as it may be shown in a terminal: on one line, and not too long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_CHARS])
