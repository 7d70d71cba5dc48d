"""Metrics of what the store and the broker hold. Each process of each API serves the same: take `max`, never `sum`."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.backlog import Backlog, read_backlog
from core.bootstrap import Core, count_dead_letters
from core.errors import BrokerUnavailable, StoreUnavailable
from core.metrics import build_info

FRESH_S = 5.0
"""How long figures are served again without asking, so that the number of readers costs nothing."""


class Figures(Collector):
    """The figures of one app, read when they are asked for.

    count_dead: how many dead letters each queue of the broker at this URL has. Raises BrokerUnavailable.
    """

    def __init__(self, core: Core, count_dead: Callable[[str], dict[str, int]] = count_dead_letters) -> None:
        self._core = core
        self._count_dead = count_dead
        self._read_at: datetime | None = None
        self._read: tuple[Metric, ...] = ()

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def describe(self) -> Iterable[Metric]:
        """Nothing: or the registry would ask the store for it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        now = self._core.clock.now()
        if self._read_at is None or not timedelta() <= now - self._read_at < timedelta(seconds=FRESH_S):
            self._read, self._read_at = tuple(self._all(now)), now
        yield from self._read
        yield build_info("api")

    def _all(self, now: datetime) -> Iterator[Metric]:
        up = GaugeMetricFamily("quittance_store_up", "1 while the store answers")
        try:
            yield from self._stored(now)
            up.add_metric([], 1)
        except StoreUnavailable:
            up.add_metric([], 0)
        yield up
        connected = self._core.broker.connected()
        yield GaugeMetricFamily("quittance_broker_up", "1 while this API reaches the broker", value=connected)
        yield from self._dead_letters(connected)

    def _stored(self, now: datetime) -> Iterator[Metric]:
        down = GaugeMetricFamily("quittance_partner_down", "1 while workers do not call it", labels=["partner"])
        for partner, is_down in self._core.partner_health.all().items():
            down.add_metric([partner], is_down)
        yield down
        contracts = self._core.settings.installed.contracts
        backlog = read_backlog(self._core.store, contracts, now)
        yield from _waiting(backlog)
        moving = (kind for kind, contract in contracts.items() if contract.legs is not None)
        yield GaugeMetricFamily(
            "quittance_journal_lag_seconds",
            "Age of the oldest operation whose entries the journal may not have yet",
            value=backlog.oldest_s(moving),
        )

    def _dead_letters(self, connected: bool) -> Iterator[Metric]:
        if self._core.settings.broker_url and connected:
            family = GaugeMetricFamily("quittance_dead_letters", "Messages that consumers gave up", labels=["queue"])
            try:
                for queue, number in self._count_dead(self._core.settings.broker_url).items():
                    family.add_metric([queue], number)
            except BrokerUnavailable:
                return
            yield family


def _waiting(backlog: Backlog) -> Iterator[Metric]:
    labels = ["kind", "status"]
    number = GaugeMetricFamily("quittance_operations", "Operations that have not ended, 10000 for more", labels=labels)
    oldest = GaugeMetricFamily("quittance_operations_oldest_seconds", "Age of the oldest of them", labels=labels)
    for each in backlog.waiting:
        number.add_metric([each.kind, each.status.value], each.number)
        oldest.add_metric([each.kind, each.status.value], each.oldest_s)
    due = GaugeMetricFamily("quittance_operations_due", "Operations that a worker should take", labels=["kind"])
    overdue = GaugeMetricFamily("quittance_operations_overdue", "Those that are due for a minute", labels=["kind"])
    for waiting in backlog.due:
        due.add_metric([waiting.kind], waiting.due)
        overdue.add_metric([waiting.kind], waiting.overdue)
    yield from (number, oldest, due, overdue)
