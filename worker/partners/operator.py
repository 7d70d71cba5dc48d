"""The mobile-money operator: takes money from a phone's account and gives it back."""

from core.money import to_text
from worker.partners.guard import Guard
from worker.partners.http import PartnerHttp
from worker.partners.port import Reply


class Operator:
    REASONS = ("INSUFFICIENT_FUNDS", "PAYER_NOT_FOUND", "LIMIT_EXCEEDED", "NOT_APPROVED")

    def __init__(self, http: PartnerHttp, guard: Guard) -> None:
        self.guard = guard
        self._http = http
        self.enquire = http.enquire

    def debit(self, reference: str, msisdn: str, minor: int, currency: str, reason: str) -> Reply:
        """Takes an amount of minor units from the account of an E.164 phone. `reason` is shown to its owner."""
        body = {"request_id": reference, "msisdn": msisdn, "amount": to_text(minor, currency), "currency": currency}
        return self._http.submit("POST", "/debits", {**body, "reason": reason})

    def refund(self, reference: str, debit_reference: str, msisdn: str, minor: int, currency: str) -> Reply:
        """Gives back an amount, at most that of the debit."""
        body = {"request_id": reference, "msisdn": msisdn, "amount": to_text(minor, currency), "currency": currency}
        return self._http.submit("POST", "/refunds", {**body, "debit_request_id": debit_reference})
