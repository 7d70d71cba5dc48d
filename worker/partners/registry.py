"""The city's registry of fines: reports which fines are due, and records payments."""

from decimal import Decimal, InvalidOperation
from urllib.parse import quote

from core.money import format_minor
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable

MAX_AMOUNT_CHARS = 30


class Registry:
    REASONS = ("ALREADY_PAID", "UNKNOWN_FINE", "AMOUNT_MISMATCH", "CANCELLED", "NOT_PAID")

    def __init__(self, http: PartnerHttp, breaker: Breaker, currency: str) -> None:
        """currency: of the fines whose currency the registry does not name."""
        self._currency = currency
        self.breaker = breaker
        self._http = http
        self.enquire = http.enquire

    def check(self, fine: str, minor: int, currency: str) -> Reply:
        """Checks that the fine exists, is due, and is of this amount in this currency.

        Never returns Unknown, as it has no effect.

        minor: the amount in minor units of `currency`.
        """
        answer = self._http.look(f"/amendes/{quote(fine, safe='')}")
        if isinstance(answer, Unavailable):
            return answer
        if answer.status == 404:
            return Declined("unknown_fine")
        match answer.body.get("status"):
            case "DUE" if answer.body.get("currency", self._currency) != currency:
                return Declined("fine_currency_mismatch")
            case "DUE" if _same_amount(answer.body.get("amount"), minor, currency):
                return Confirmed()
            case "DUE":
                due = _amount(answer.body.get("amount"))
                return Declined("fine_amount_mismatch", {} if due is None else {"due": str(due)})
            case "PAID":
                return Declined("fine_already_paid")
            case "CANCELLED":
                return Declined("fine_cancelled")
            case _:
                return Unavailable("the registry's answer describes no fine")

    def settle(self, reference: str, fine: str, payment_id: str, minor: int, currency: str) -> Reply:
        """Marks the fine as paid by this payment.

        minor: the amount in minor units of `currency`.
        """
        body = {
            "request_id": reference,
            "statut": "PAYEE",
            "payment_id": payment_id,
            "amount": format_minor(minor, currency),
        }
        return self._http.submit("PUT", f"/amendes/{quote(fine, safe='')}/statut", body)

    def reopen(self, reference: str, fine: str, payment_id: str) -> Reply:
        """Marks a fine as due again whose payment has been given back.

        A registry without this call answers 404, 405 or 501: then Declined("reopen_not_supported").
        """
        body = {"request_id": reference, "payment_id": payment_id}
        path = f"/amendes/{quote(fine, safe='')}/reopen"
        return self._http.submit("POST", path, body, if_missing="reopen_not_supported")


def _same_amount(reported: object, minor: int, currency: str) -> bool:
    return _amount(reported) == Decimal(format_minor(minor, currency))


def _amount(reported: object) -> Decimal | None:
    try:
        amount = Decimal(str(reported)[:MAX_AMOUNT_CHARS])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
