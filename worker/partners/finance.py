"""The finance service: keeps the charges of consultations, one for each appointment."""

from core.money import to_text
from worker.partners.guard import Guard
from worker.partners.http import PartnerHttp
from worker.partners.port import Reply


class Finance:
    REASONS = ("ALREADY_CHARGED",)

    def __init__(self, http: PartnerHttp, guard: Guard) -> None:
        self.guard = guard
        self._http = http
        self.enquire = http.enquire

    def charge(self, reference: str, appointment_id: str, minor: int, currency: str) -> Reply:
        """Records that so many minor units are charged for the appointment."""
        body = {"request_id": reference, "appointment_id": appointment_id, "amount": to_text(minor, currency)}
        return self._http.submit("POST", "/charges", {**body, "currency": currency})
