"""The mobile-money operator: debits the account of a phone, and refunds it."""

from core.money import format_minor
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Reply


class Operator:
    REASONS = ("INSUFFICIENT_FUNDS", "PAYER_NOT_FOUND", "LIMIT_EXCEEDED", "NOT_APPROVED")

    def __init__(self, http: PartnerHttp, breaker: Breaker) -> None:
        self.breaker = breaker
        self._http = http
        self.enquire = http.enquire

    def debit(self, reference: str, msisdn: str, minor: int, currency: str, reason: str) -> Reply:
        """Takes money from the account of a phone.

        msisdn: the phone, in E.164 form.
        minor: the amount in minor units of `currency`.
        reason: shown to the account's owner.
        """
        body = _body(reference, msisdn, minor, currency)
        return self._http.submit("POST", "/debits", {**body, "reason": reason})

    def refund(self, reference: str, debit_reference: str, msisdn: str, minor: int, currency: str) -> Reply:
        """Gives money back.

        debit_reference: the reference of the debit.
        minor: the amount in minor units of `currency`; at most that of the debit.
        """
        body = _body(reference, msisdn, minor, currency)
        return self._http.submit("POST", "/refunds", {**body, "debit_request_id": debit_reference})


def _body(reference: str, msisdn: str, minor: int, currency: str) -> dict[str, str]:
    return {
        "request_id": reference,
        "msisdn": msisdn,
        "amount": format_minor(minor, currency),
        "currency": currency,
    }
