"""How many operations wait for each partner to say what it did. Read from the store: each worker serves the same."""

from collections import Counter
from collections.abc import Iterable, Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.errors import StoreUnavailable
from core.metrics import build_info
from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store
from worker.process import Processes
from worker.progress import current_steps
from worker.telling import partners_of

COUNTED = 200
"""Operations in doubt that are looked at, of each kind: this number means so many or more."""

log = structlog.get_logger()


class Doubts(Collector):
    """Asked at each scrape. It knows each kind of operation, whichever its worker works on."""

    def __init__(self, store: Store, processes: Processes) -> None:
        self._store = store
        self._processes = processes

    def describe(self) -> Iterable[Metric]:
        """Nothing: or the registry would ask the store for it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "quittance_doubts", "Operations whose partner has not said what it did", labels=["kind", "partner"]
        )
        try:
            for (kind, partner), number in self._count().items():
                family.add_metric([kind, partner], number)
            yield family
        except StoreUnavailable as error:
            log.warning("doubts_not_counted", error=str(error))
        yield build_info("worker")

    def _count(self) -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        for kind, process in self._processes.items():
            where = {"kind": kind, "status": Status.IN_DOUBT.value}
            for document in self._store.find(OPERATIONS, where, limit=COUNTED):
                operation = Operation.from_document(document)
                partners = partners_of(current_steps(process.stages(operation), operation))
                counts.update((kind, partner) for partner in partners)
        return counts
