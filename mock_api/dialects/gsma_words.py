"""The GSMA Mobile Money API 1.2: its errors, and how it reports transactions. MVola speaks a variant of it."""

import hashlib
import time
import uuid

from mock_api.books import Request
from mock_api.dialects.face import given
from mock_api.ledger import FAILED, PENDING, SUCCESSFUL
from mock_api.reply import Manner, Reply
from mock_api.times import iso

ERRORS = {
    "400": ("validation", "formatError", "The request cannot be used"),
    "401": ("authorisation", "clientAuthorisationError", "The API key or the token is not valid"),
    "404": ("identification", "identifierError", "The requested resource does not exist"),
    "409": ("businessRule", "duplicateRequest", "The correlation id has been used"),
    "429": ("businessRule", "rateLimitError", "Too many requests"),
    "500": ("internal", "genericError", "An internal error occurred"),
    "503": ("serviceUnavailable", "genericError", "The service is unavailable"),
    "504": ("serviceUnavailable", "genericError", "The service did not answer in time"),
}
REASONS = {
    "INSUFFICIENT_FUNDS": ("businessRule", "insufficientFunds"),
    "NOT_APPROVED": ("authorisation", "requestDeclined"),
    "LIMIT_EXCEEDED": ("businessRule", "dailyValueLimitExceeded"),
    "PAYER_NOT_FOUND": ("identification", "identifierError"),
    "EXPIRED": ("authorisation", "requestDeclined"),
    "DEBIT_NOT_FOUND": ("identification", "identifierError"),
    "NOT_REFUNDABLE": ("businessRule", "incorrectState"),
}
STATUSES = {PENDING: "pending", SUCCESSFUL: "completed", FAILED: "failed"}
TYPES = {"debit": "merchantpay", "payout": "disbursement", "refund": "reversal"}
_MASK = 0x5A5A5A5A_5A5A_0A5A_0A5A_5A5A5A5A5A5A
"""Leaves the version and the variant of a UUID as they are."""


def error(category: str, code: str, text: str, at: str | None = None) -> dict[str, object]:
    """Returns an errorObject.

    at: when it occurred; None for now.
    """
    when = at or iso(time.time())
    fields = {"errorCategory": category, "errorCode": code, "errorDescription": text, "errorDateTime": when}
    return {**fields, "errorParameters": []}


def fail(status: str, code: str = "", text: str = "") -> Reply:
    """Returns an error: the usual one of the status, or with another code and text."""
    category, usual, usual_text = ERRORS[status]
    return error(category, code or usual, text or usual_text), int(status)


IDS = frozenset(
    {
        "serverCorrelationId",
        "transactionReference",
        "objectReference",
        "requestingOrganisationTransactionReference",
        "originalTransactionReference",
    }
)
MANNER = Manner("gsma", fail, IDS)


def mirror(correlation_id: str) -> str:
    """Returns the server's correlation id for the client's, and the client's for the server's."""
    return str(uuid.UUID(int=uuid.UUID(correlation_id).int ^ _MASK))


def client_id(server_id: str) -> str:
    """Returns the client's correlation id for the server's; the text itself if it is none."""
    try:
        return mirror(server_id)
    except ValueError:
        return server_id


def why(request: Request) -> dict[str, object]:
    """Returns the errorObject of a failed request. A word that is not the ledger's is taken as an error code."""
    word = str(request.reason)
    category, code = REASONS.get(word, ("businessRule", word))
    return error(category, code, word.replace("_", " ").lower(), request.at)


def transaction(request: Request) -> dict[str, object]:
    """Returns a transaction."""
    content = request.order.content
    payer, payee = ([{"key": "msisdn", "value": content["msisdn"]}], [{"key": "accountid", "value": "sandbox"}])
    if request.order.call != "debit":
        payer, payee = payee, payer
    texts = given(
        transactionReference=request.transaction_id or "",
        originalTransactionReference=content.get("debit_transaction", ""),
        requestingOrganisationTransactionReference=content.get("reference", ""),
        transactionStatus=STATUSES[request.status],
        amount=content["amount"],
        currency=content["currency"],
        type=TYPES[request.order.call],
        descriptionText=content.get("description", ""),
        creationDate=content["created"],
        modificationDate=request.at or content["created"],
        requestDate=content["created"],
    )
    return {**texts, "debitParty": payer, "creditParty": payee}


def notice(request: Request) -> dict[str, object]:
    """Returns a callback: the transaction, or the errorObject."""
    return why(request) if request.status == FAILED else transaction(request)


def notice_headers(request: Request, body: bytes, now: float) -> dict[str, str]:
    """Returns the headers of a callback: the hash is that of the body as it is sent."""
    hashed = hashlib.sha256(body).hexdigest()
    return {
        "X-CorrelationID": request.order.request_id,
        "X-Date": iso(now),
        "X-Content-Hash": hashed,
        "X-API-Key": "sandbox",
    }
