"""The finance service: records the charges of consultations, one for each appointment."""

from core.money import format_minor
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Reply


class Finance:
    REASONS = ("ALREADY_CHARGED",)

    def __init__(self, http: PartnerHttp, breaker: Breaker) -> None:
        self.breaker = breaker
        self._http = http
        self.enquire = http.enquire

    def charge(self, reference: str, appointment_id: str, minor: int, currency: str) -> Reply:
        """Charges an amount for the appointment.

        minor: the amount in minor units of `currency`.
        """
        body = {"request_id": reference, "appointment_id": appointment_id, "amount": format_minor(minor, currency)}
        return self._http.submit("POST", "/charges", {**body, "currency": currency})
