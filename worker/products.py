"""Which products this worker knows: one line each."""

from collections.abc import Collection

from core.broker.port import Broker
from core.clock import Clock
from core.ledger import Ledger
from core.outages import Outages
from core.people import People
from core.settings import Settings
from core.store.port import Store
from worker.partners.finance import Finance
from worker.partners.guard import Guard
from worker.partners.http import PartnerHttp
from worker.partners.operator import Operator
from worker.partners.registry import Registry
from worker.partners.screening import blacklist, verification
from worker.partners.sms import ConsoleSms, FileSms, HttpSms, SmsSender
from worker.process import Processes
from worker.processes.consultations import consultation
from worker.processes.events import event
from worker.processes.fines import fine_payment
from worker.processes.services import service_payment
from worker.processes.sms import sms
from worker.processes.wallets import top_up, transfer, withdrawal


def build(settings: Settings, store: Store, clock: Clock, broker: Broker) -> Processes:
    """The processes by kind, wired to the partners that the settings name."""
    outages = Outages(store, clock)

    def http(url: str, reasons: Collection[str]) -> PartnerHttp:
        return PartnerHttp(url, settings.partner_timeout_s, settings.partner_calls, reasons)

    def guard(name: str) -> Guard:
        return Guard(name, clock, settings.partner_calls, outages.tell)

    operator = Operator(http(settings.operator_url, Operator.REASONS), guard("operator"))
    registry = Registry(http(settings.registry_url, Registry.REASONS), guard("registry"))
    finance = Finance(http(settings.finance_url, Finance.REASONS), guard("finance"))
    verify = verification(http(settings.screening_url, ()), guard("screening"))
    screen = blacklist(http(settings.screening_url2, ()), guard("blacklist"))
    sender: SmsSender = ConsoleSms()
    if settings.sms_sender == "file":
        sender = FileSms(settings.var_dir / "sms.log")
    elif settings.sms_sender == "http":
        sender = HttpSms(http(settings.sms_url, HttpSms.REASONS), guard("sms"))
    ledger, people = Ledger(store, clock), People(store, clock)
    products = (
        fine_payment(store, operator, registry),
        consultation(finance),
        event(broker),
        top_up(ledger, operator),
        transfer(ledger, people),
        withdrawal(ledger, people),
        service_payment(ledger, people, verify, screen),
        sms(store, sender),
    )
    return {product.kind: product for product in products}
