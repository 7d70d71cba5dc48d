"""Which partners are down: found out by workers, told by the API and its figures."""

from contextlib import suppress
from datetime import datetime, timedelta

from core.clock import Clock, from_text, to_text
from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import PARTNERS, Store

FADES_S = 60
"""How long an outage is still told after its next look was due: who found it out may be gone."""


class Outages:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def tell(self, partner: str, open_until: datetime | None) -> None:
        """Notes that a partner is not called until then; None: it is called again. Never raises: it is only news."""
        news = {"id": partner, "open_until": open_until and to_text(open_until)}
        with suppress(Conflict, Duplicate, StoreUnavailable):  # Another worker says something just now; its word stays.
            known = self._store.get(PARTNERS, partner)
            if known is None:
                self._store.insert(PARTNERS, news)
            else:
                self._store.replace(PARTNERS, {**news, "version": known["version"]})

    def all(self) -> dict[str, bool]:
        """Every partner that was ever told of, and whether it is down as far as is known. Raises StoreUnavailable."""
        now = self._clock.now()
        return {
            partner["id"]: bool(partner["open_until"])
            and from_text(partner["open_until"]) + timedelta(seconds=FADES_S) > now
            for partner in self._store.find(PARTNERS, {})
        }
