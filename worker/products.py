"""The processes of the installed products."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from core.bootstrap import Core
from core.installed import BadProduct, owners
from core.operation import Operation
from worker.partners.directory import Partners
from worker.process import Process, Processes, Step

AfterRefund = Callable[[Operation, str, str], Step]
"""What follows once the money of an item of a payment is given back as a whole. The arguments are the refund, the
payment's id, and the item. `after_refund` of a product's processes returns one by kind."""


@dataclass(frozen=True)
class WorkerServices:
    """The services that the processes of products use."""

    core: Core

    @cached_property
    def partners(self) -> Partners:
        return Partners(self.core.settings, self.core.clock, self.core.partner_health, self.core.callbacks)


def after_refunds(services: WorkerServices) -> Mapping[str, AfterRefund]:
    """Returns what the installed products do after a refund, by the kind of the payment."""
    modules = services.core.settings.installed.modules("process")
    makers = [module.after_refund for module in modules if hasattr(module, "after_refund")]
    return {kind: after for make in makers for kind, after in make(services).items()}


def build(core: Core) -> Processes:
    """Returns the processes by kind, connected to the partners that the settings name.

    Raises BadProduct unless each kind of the installed products has one process.
    """
    installed, services = core.settings.installed, WorkerServices(core)
    processes: dict[str, Process] = {}
    made: list[tuple[str, str]] = []
    for product, module in installed.parts("process"):
        for process in module.processes(services):
            processes[process.kind] = process
            made.append((product, process.kind))
    makers = owners("a process of the kind", made)
    for kind, product in installed.kinds.items():
        if kind not in makers:
            raise BadProduct(f"product {product!r} declares the kind {kind!r}, but no process of it")
    for kind, product in makers.items():
        if kind not in installed.kinds:
            raise BadProduct(f"product {product!r} declares a process of the kind {kind!r}, but no contract of it")
    return processes
