"""Which products this worker knows: one line each."""

from collections.abc import Collection

from core.settings import Settings
from core.store.port import Store
from worker.partners.http import PartnerHttp
from worker.partners.operator import Operator
from worker.partners.registry import Registry
from worker.process import Processes
from worker.processes.fines import fine_payment


def build(settings: Settings, store: Store) -> Processes:
    """The processes by kind, wired to the partners that the settings name."""

    def http(url: str, reasons: Collection[str]) -> PartnerHttp:
        return PartnerHttp(url, settings.partner_timeout_s, settings.worker_concurrency, reasons)

    operator = Operator(http(settings.operator_url, Operator.REASONS))
    registry = Registry(http(settings.registry_url, Registry.REASONS))
    products = (fine_payment(store, operator, registry),)
    return {product.kind: product for product in products}
