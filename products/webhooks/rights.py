"""Who still may hear: an endpoint lives longer than the key or the role that made it."""

from datetime import datetime, timedelta

from core.clock import Clock
from core.identity.api_keys import ApiKeys
from core.identity.people import People, Role
from core.ids import is_id
from core.settings import ANONYMOUS
from core.store.port import Store
from products.webhooks.endpoints import EVERYBODY, Endpoint

SCOPE, SCOPE_ALL = "webhooks:manage", "webhooks:all"
"""Of machines. A key that manages webhooks is told of its client's operations, and with SCOPE_ALL of everybody's."""
KNOWN_FOR = timedelta(seconds=5)
"""How long an answer is kept: one look at the keys costs as much as some deliveries."""
MOST_KNOWN = 1000


class Rights:
    """Whether the owners of endpoints still may hear.

    let_in: the callers without a key or an account who are let in: see `core.notices.port.Site`.
    """

    def __init__(self, store: Store, clock: Clock, let_in: frozenset[str]) -> None:
        self._people, self._keys = People(store, clock), ApiKeys(store, clock)
        self._clock = clock
        self._let_in = let_in
        self._known: dict[str, tuple[datetime, bool]] = {}

    def may_hear(self, endpoint: Endpoint) -> bool:
        """Whether its owner may: each client its own, and everybody only who may see everybody's operations.

        What was made while anybody was let in is nobody's afterwards. Raises StoreUnavailable.
        """
        if endpoint.owner == ANONYMOUS:
            return ANONYMOUS in self._let_in
        return endpoint.hears != EVERYBODY or self._sees_all(endpoint.owner)

    def _sees_all(self, owner: str) -> bool:
        now = self._clock.now()
        looked_at, sees = self._known.get(owner, (None, False))
        if looked_at is None or now - looked_at >= KNOWN_FOR:
            sees = self._looked_up(owner)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[owner] = now, sees
        return sees

    def _looked_up(self, owner: str) -> bool:
        if owner in self._let_in:
            return True
        person = self._people.get(owner) if is_id(owner) else None
        if person is not None:
            return not person.suspended and person.role in (Role.OPERATOR, Role.ADMIN)
        return self._keys.has(owner, SCOPE_ALL)
