"""What answers of the GSMA Mobile Money API 1.2 mean, also those of operators that changed it a little.

Source: the OpenAPI file of the GSMA, and the guidelines, section 3.3.2 on duplicates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.partners.http import Answer
from worker.partners.operators.client import same_amount, same_phone, unclear
from worker.partners.port import Confirmed, Declined, Mismatch, Pending, Reply, Unavailable

CODES: Mapping[str, str] = {
    "insufficientFunds": "insufficient_funds",
    "accountMaxTotalVolumeExceeded": "limit_exceeded",
    "accountMaxTotalValueExceeded": "limit_exceeded",
    "lessThanTransactionMinValue": "limit_exceeded",
    "greaterThanTransactionMaxValue": "limit_exceeded",
    "maxBalanceExceeded": "limit_exceeded",
    "identifierError": "payer_not_found",
    "requestDeclined": "not_approved",
    "clientAuthorisationError": "operator_misconfigured",
    **{
        f"{period}{kind}LimitExceeded": "limit_exceeded"
        for period in ("daily", "weekly", "monthly")
        for kind in ("Volume", "Value")
    },
}
"""Our codes of an errorCode. For any other, the errorCategory decides."""
CATEGORIES: Mapping[str, str] = {
    "businessRule": "declined",
    "authorisation": "declined",
    "identification": "payer_not_found",
    "validation": "refused_as_invalid",
}
"""The categories that are refusals. `internal` says nothing about the request."""
MAX_ID_CHARS = 128


@dataclass(frozen=True)
class Expected:
    """What a transaction of ours has to say, where it says it.

    amount: of the main unit. currencies: its currency, in each way that the operator may write it.
    phone: in E.164 form.
    party: whose phone it is, `debitParty` or `creditParty`; "" where the operator says neither.
    original: the operator's reference of the transaction that it reverses; "" if it reverses none.
    """

    amount: str
    currencies: tuple[str, ...]
    phone: str
    party: str
    original: str = ""

    def difference(self, body: Mapping[str, Any]) -> str:
        """Returns what differs in a transaction, or ""."""
        amount, currency, phone = body.get("amount"), body.get("currency"), _phone(body.get(self.party))
        original = body.get("originalTransactionReference")
        if amount is not None and not same_amount(amount, self.amount):
            return "another amount"
        if currency is not None and currency not in self.currencies:
            return "another currency"
        if phone is not None and not same_phone(phone, self.phone):
            return "another phone"
        if self.original and original is not None and original != self.original:
            return "another debit"
        return ""


def submitted(answer: Answer, expected: Expected) -> Reply:
    """What the answer to a new transaction means."""
    match answer.status:
        case 201:
            return transaction(answer, expected)
        case 202:
            return _accepted(answer)
        case 409:
            return Pending()
        case status if 400 <= status < 500:
            return _error(answer)
        case _:
            return unclear(answer)


def transaction(answer: Answer, expected: Expected) -> Reply:
    """What a transaction means: the answer to a synchronous creation, or to a look-up of it."""
    reply = outcome(answer.body, expected)
    return unclear(answer) if reply is None else reply


def outcome(body: Mapping[str, Any], expected: Expected) -> Reply | None:
    """What the body of a transaction means; None when it is none."""
    reference = text_of(body, "transactionReference")
    if not reference:
        return None
    if difference := expected.difference(body):
        return Mismatch(difference)
    match status_of(body, "transactionStatus"):
        case "completed":
            return Confirmed({"transaction_reference": reference})
        case "pending":
            return Pending()
        case "failed":
            return failed(body)
        case _:
            return None


def failed(body: Mapping[str, Any]) -> Declined:
    """A request that the operator calls failed, with its reason if the body has one."""
    return refusal(body) or Declined("declined")


def refusal(body: Mapping[str, Any]) -> Declined | None:
    """What an errorObject means; None when it refuses nothing."""
    code, category = _error_of(body)
    ours = CODES.get(code) or CATEGORIES.get(category)
    if ours is None or code in ("duplicateRequest", "rateLimitError"):
        return None
    return Declined(ours, {"reason": code or category})


def text_of(body: Mapping[str, Any], name: str) -> str:
    """Returns a member of a body that is an id, or ""."""
    value = body.get(name)
    return value if isinstance(value, str) and len(value) <= MAX_ID_CHARS else ""


def status_of(body: Mapping[str, Any], name: str) -> str:
    """Returns a status in small letters, or ""."""
    return text_of(body, name).lower()


def _accepted(answer: Answer) -> Reply:
    body = answer.body
    match status_of(body, "status"):
        case "pending" | "completed":  # what was completed has to be looked up
            limit = body.get("pollLimit")
            given = {
                "server_correlation_id": text_of(body, "serverCorrelationId"),
                "expires_at": text_of(body, "expiryTime"),
            }
            known: dict[str, Any] = {name: value for name, value in given.items() if value}
            return Pending(known | ({"poll_limit": limit} if type(limit) is int else {}))
        case "failed":
            return failed(body)
        case _:
            return unclear(answer)


def _error(answer: Answer) -> Reply:
    code, category = _error_of(answer.body)
    if code == "duplicateRequest":
        return Pending()
    if code == "rateLimitError" or category == "serviceUnavailable":
        return Unavailable(code or category, answer.retry_after_s)
    return refusal(answer.body) or unclear(answer)


def _error_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """The code and the category. Some operators begin the names with a capital."""
    found = {name[:1].lower() + name[1:]: value for name, value in body.items()}
    return text_of(found, "errorCode"), text_of(found, "errorCategory")


def _phone(parties: object) -> object:
    """The phone among the identifiers of a party; None if there is none."""
    identifiers = parties if isinstance(parties, list) else []
    phones = (each.get("value") for each in identifiers if isinstance(each, dict) and each.get("key") == "msisdn")
    return next(phones, None)
