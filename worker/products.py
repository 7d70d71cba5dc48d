"""Which products this worker knows: one line each."""

from collections.abc import Collection

from core.bootstrap import Core
from worker.partners.http import PartnerHttp
from worker.partners.operator import Operator
from worker.partners.registry import Registry
from worker.process import Processes
from worker.processes.fines import fine_payment


def build(core: Core) -> Processes:
    """The processes by kind, wired to the partners that the settings name."""
    settings = core.settings

    def http(url: str, reasons: Collection[str]) -> PartnerHttp:
        return PartnerHttp(url, settings.partner_timeout_s, settings.worker_concurrency, reasons)

    operator = Operator(http(settings.operator_url, Operator.REASONS))
    registry = Registry(http(settings.registry_url, Registry.REASONS))
    products = (fine_payment(core.store, operator, registry),)
    return {product.kind: product for product in products}
