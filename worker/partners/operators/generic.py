"""Our own contract, docs/reference/partner-contract.yaml: of operators that build their side to it."""

from core.money import format_minor
from worker.partners.http import PartnerHttp
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Reply

REASONS = ("INSUFFICIENT_FUNDS", "PAYER_NOT_FOUND", "LIMIT_EXCEEDED", "NOT_APPROVED")


class Generic:
    def __init__(self, http: PartnerHttp) -> None:
        self._http = http
        self.debits = Service(self._debit, self._ask)
        self.refunds: Service | None = Service(self._refund, self._ask)
        self.payouts: Service | None = Service(self._pay_out, self._ask)

    def _debit(self, demand: Demand) -> Reply:
        return self._http.submit("POST", "/debits", {**_body(demand), "reason": demand.text})

    def _refund(self, demand: Demand) -> Reply:
        assert demand.debit is not None
        return self._http.submit("POST", "/refunds", {**_body(demand), "debit_request_id": demand.debit.reference})

    def _pay_out(self, demand: Demand) -> Reply:
        return self._http.submit("POST", "/payouts", {**_body(demand), "reason": demand.text})

    def _ask(self, demand: Demand) -> Reply:
        return self._http.enquire(demand.reference)


def _body(demand: Demand) -> dict[str, str]:
    return {
        "request_id": demand.reference,
        "msisdn": demand.phone,
        "amount": format_minor(demand.minor, demand.currency),
        "currency": demand.currency,
    }
