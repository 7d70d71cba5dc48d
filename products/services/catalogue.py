"""The catalogue of services. A retired service stays stored: its payments still show its name."""

from dataclasses import asdict, dataclass, replace

from core.clock import Clock, to_rfc3339
from core.ids import is_id, new_id
from core.store.port import Document, Store, update

SERVICES = "services"
"""The collection."""
OFFERED, RETIRED = "offered", "retired"


@dataclass(frozen=True)
class Service:
    """price: minor units."""

    id: str
    name: str
    price: int
    currency: str
    state: str = OFFERED


class Catalogue:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, price: int, currency: str) -> Service:
        service = Service(new_id(), name, price, currency)
        self._store.insert(SERVICES, {**asdict(service), "created_at": to_rfc3339(self._clock.now())})
        return service

    def get(self, id: str) -> Service | None:
        document = self._store.get(SERVICES, id) if is_id(id) else None
        return _service(document) if document else None

    def change(self, id: str, **changes: object) -> Service | None:
        """The service with other members; None when there is none."""

        def change(document: Document) -> Document:
            return {**document, **asdict(replace(_service(document), **changes))}  # type: ignore[arg-type]

        document = update(self._store, SERVICES, id, change) if is_id(id) else None
        return _service(document) if document else None

    def offered(self, limit: int, after: str | None) -> list[Service]:
        """Newest first; after: the id of the last one of the page before."""
        edge = (after, after) if after else None
        return list(map(_service, self._store.find(SERVICES, {"state": OFFERED}, "-id", limit, edge)))


def _service(document: Document) -> Service:
    return Service(document["id"], document["name"], document["price"], document["currency"], document["state"])
