"""The services that people pay for. What is retired stays: payments of it tell its name."""

from dataclasses import asdict, dataclass, replace

from core.clock import Clock, to_text
from core.errors import Conflict
from core.ids import is_id, new_id
from core.store.port import SERVICES, Document, Store

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
        self._store.insert(SERVICES, {**asdict(service), "created_at": to_text(self._clock.now())})
        return service

    def get(self, id: str) -> Service | None:
        document = self._store.get(SERVICES, id) if is_id(id) else None
        return _service(document) if document else None

    def change(self, id: str, **changes: object) -> Service | None:
        """The service with other members; None when there is none."""
        while (document := self._store.get(SERVICES, id) if is_id(id) else None) is not None:
            changed = replace(_service(document), **changes)  # type: ignore[arg-type]
            try:
                self._store.replace(SERVICES, {**document, **asdict(changed)})
                return changed
            except Conflict:
                continue
        return None

    def offered(self, limit: int, after: str | None) -> list[Service]:
        """Newest first; after: the id of the last one of the page before."""
        edge = (after, after) if after else None
        return list(map(_service, self._store.find(SERVICES, {"state": OFFERED}, "-id", limit, edge)))


def _service(document: Document) -> Service:
    return Service(document["id"], document["name"], document["price"], document["currency"], document["state"])
