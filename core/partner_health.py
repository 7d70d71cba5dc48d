"""Which partners are down: reported by workers, shown by the API and its metrics."""

from contextlib import suppress
from datetime import datetime, timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import PARTNERS, Store, scan

FADES_S = 60
"""How long an outage is shown after its next probe was due, in seconds. The worker that reported it may be gone."""


class PartnerHealth:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def report(self, partner: str, open_until: datetime | None) -> None:
        """Records until when a partner is not called. Without the store, the report is lost.

        open_until: None when the partner is called again.
        """
        news = {"id": partner, "open_until": open_until and to_rfc3339(open_until)}
        # Another worker that reports at the same moment may be faster: then its report stays.
        with suppress(Conflict, Duplicate, StoreUnavailable):
            known = self._store.get(PARTNERS, partner)
            if known is None:
                self._store.insert(PARTNERS, news)
            else:
                self._store.replace(PARTNERS, {**news, "version": known["version"]})

    def all(self) -> dict[str, bool]:
        """Whether each partner that was ever reported is down. Raises StoreUnavailable."""
        now = self._clock.now()
        return {
            partner["id"]: bool(partner["open_until"])
            and from_rfc3339(partner["open_until"]) + timedelta(seconds=FADES_S) > now
            for partner in scan(self._store, PARTNERS, {})
        }
