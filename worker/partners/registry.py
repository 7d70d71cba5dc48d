"""The city's registry of fines: reports which fines are due, and records payments."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from urllib.parse import quote, urlencode

from core.errors import InvalidAmount, UnknownCurrency
from core.money import format_minor, to_minor
from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable, Unknown

MAX_AMOUNT_CHARS, MAX_WORDS_CHARS = 30, 100
NO_LISTS = frozenset({400, 404, 405, 501})
"""Answers of a registry that does not list fines. They are no outage."""
STATUSES = {"DUE": "due", "PAID": "paid", "CANCELLED": "cancelled"}


@dataclass(frozen=True)
class KnownFine:
    """A fine as the registry describes it.

    amount: minor units; status: due, paid or cancelled; issued: the day.
    reason, issued, plate: "" where the registry does not say them.
    """

    id: str
    amount: int
    currency: str
    status: str
    reason: str = ""
    issued: str = ""
    plate: str = ""

    @classmethod
    def read(cls, shown: object, currency: str) -> Self | None:
        """None for what describes no fine. currency: where the registry names none."""
        if not isinstance(shown, Mapping) or shown.get("status") not in STATUSES:
            return None
        id, amount, named = shown.get("id"), _amount(shown.get("amount")), shown.get("currency", currency)
        if not isinstance(id, str) or not isinstance(named, str) or amount is None:
            return None
        try:
            minor = to_minor(amount, named)
        except (InvalidAmount, UnknownCurrency):
            return None
        described = (_words(shown, name) for name in ("motif", "date", "immatriculation"))
        return cls(id, minor, named, STATUSES[shown["status"]], *described)


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

    def show(self, fine: str) -> list[KnownFine] | Unavailable:
        """The fine of this number; none if there is no such fine."""
        answer = self._http.look(f"/amendes/{quote(fine, safe='')}")
        if isinstance(answer, Unavailable):
            return answer
        if answer.status == 404:
            return []
        known = KnownFine.read(answer.body, self._currency)
        return Unavailable("the registry's answer describes no fine") if known is None else [known]

    def owed(self, **by: str) -> list[KnownFine] | Declined | Unavailable:
        """The fines that are owed for a phone or a plate.

        by: `msisdn`, in E.164, or `immatriculation`. A registry without this call answers 400, 404, 405 or 501: then
        Declined("fine_lists_not_supported").
        """
        match self._http.exchange("GET", f"/amendes?{urlencode(by)}"):
            case Unavailable() as unavailable:
                return unavailable
            case Unknown(why=why):
                return Unavailable(why)
            case Answer(status=status) if status in NO_LISTS:
                return Declined("fine_lists_not_supported")
            case Answer(status=200, body={"amendes": list(listed)} as body):
                found = (KnownFine.read(each, str(body.get("currency", self._currency))) for each in listed)
                return [fine for fine in found if fine is not None]
            case Answer(status=200):
                return Unavailable("the registry's answer lists no fines")
            case Answer(status=status, retry_after_s=retry_after_s):
                return Unavailable(f"HTTP {status}", retry_after_s)

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


def _words(shown: Mapping[str, Any], name: str) -> str:
    said = shown.get(name)
    return said[:MAX_WORDS_CHARS] if isinstance(said, str) else ""
