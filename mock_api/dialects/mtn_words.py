"""MTN MoMo: its codes, its test numbers and amounts, and how it reports a request."""

import math

from mock_api.books import Books, Order, Request
from mock_api.dialects.face import without_empty
from mock_api.dialects.money import EXPIRED, Decide, Times
from mock_api.ledger import FAILED
from mock_api.reply import Manner, Reply
from mock_api.trade import Verdict

ERRORS = {
    "400": ("BAD_REQUEST", "Bad request"),
    "401": ("ACCESS_DENIED", "ACCESS DENIED DUE TO INVALID SUBSCRIPTION KEY"),
    "404": ("RESOURCE_NOT_FOUND", "Requested resource was not found."),
    "409": ("RESOURCE_ALREADY_EXIST", "Duplicated reference id. Creation of resource failed."),
    "429": ("TOO_MANY_REQUESTS", "Rate limit is exceeded."),
    "500": ("INTERNAL_PROCESSING_ERROR", "An internal error occurred while processing."),
    "503": ("SERVICE_UNAVAILABLE", "Service temporarily unavailable, try again later."),
    "504": ("GATEWAY_TIMEOUT", "The request timed out."),
}
REASONS = {
    "INSUFFICIENT_FUNDS": "NOT_ENOUGH_FUNDS",
    "NOT_APPROVED": "APPROVAL_REJECTED",
    "LIMIT_EXCEEDED": "PAYER_LIMIT_REACHED",
    "DEBIT_NOT_FOUND": "RESOURCE_NOT_FOUND",
    "NOT_REFUNDABLE": "NOT_ALLOWED",
}
"""The words of the ledger in MTN's; all other words are MTN's already."""
CURRENCIES = {
    "sandbox": "EUR",
    "mtnuganda": "UGX",
    "mtnghana": "GHS",
    "mtnivorycoast": "XOF",
    "mtnzambia": "ZMW",
    "mtncameroon": "XAF",
    "mtnbenin": "XOF",
    "mtncongo": "XAF",
    "mtnswaziland": "SZL",
    "mtnguineaconakry": "GNF",
    "mtnsouthafrica": "ZAR",
    "mtnliberia": "LRD",
    "mtnsouthsudan": "SSP",
    "mtnnigeria": "NGN",
    "mtnrwanda": "RWF",
}
"""The currency of each target environment."""
TEST_PHONE = "+467331234"
"""The test numbers begin with this; two digits follow."""
_ENVIRONMENT = ("NOT_ALLOWED", "NOT_ALLOWED_TARGET_ENVIRONMENT", "INVALID_CALLBACK_URL_HOST", "INVALID_CURRENCY")
_SERVER = ("INTERNAL_PROCESSING_ERROR", "SERVICE_UNAVAILABLE")
_ONGOING, _DELAYED = "ONGOING", "DELAYED"
_FIRST = ("INTERNAL_PROCESSING_ERROR", "APPROVAL_REJECTED", EXPIRED, _ONGOING, _DELAYED)
_LAST = ("COULD_NOT_PERFORM_TRANSACTION", "TRANSFER_TYPE_UNKNOWN")
_DEBITS = (*_FIRST, "PAYER_NOT_FOUND", "PAYEE_NOT_ALLOWED_TO_RECEIVE", *_ENVIRONMENT, *_SERVER, *_LAST)
_PAYOUTS = (*_FIRST, "NOT_ENOUGH_FUNDS", "PAYER_LIMIT_REACHED", "PAYEE_NOT_FOUND", *_ENVIRONMENT, *_SERVER, _LAST[1])
_REFUNDS = ("RESOURCE_NOT_FOUND", *_FIRST, *_ENVIRONMENT, *_SERVER, _LAST[0])
HOLDERS = dict(zip(range(52, 56), (*_ENVIRONMENT[:2], *_SERVER), strict=True))
"""The test numbers whose look-up is an error."""
_PARTY = {"debit": "payer", "refund": "payee", "payout": "payee"}


def fail(status: str, code: str = "", message: str = "") -> Reply:
    """Returns an error: MTN's for the status, or with another code and message."""
    usual = ERRORS[status]
    return {"code": code or usual[0], "message": message or (code or usual[1])}, int(status)


MANNER = Manner("mtn", fail, frozenset({"externalId", "financialTransactionId"}))


def describe(request: Request, *, reason_as_object: bool = False) -> dict[str, object]:
    """Returns a request as MTN's status calls and callbacks report it. A refund's payee is the debit's payer."""
    content = request.order.content
    status = request.status
    reason: object = None
    if status == FAILED:
        word = str(request.reason)
        reason = REASONS.get(word, word)
        if word == "PAYER_NOT_FOUND" and request.order.call == "payout":
            reason = "PAYEE_NOT_FOUND"
        if reason_as_object:
            reason = {"code": reason, "message": str(reason).replace("_", " ").capitalize()}
    return without_empty(
        {
            "amount": content["amount"],
            "currency": content["currency"],
            "externalId": content.get("reference"),
            _PARTY[request.order.call]: {"partyIdType": "MSISDN", "partyId": content["msisdn"].removeprefix("+")},
            "payerMessage": content.get("payer_message"),
            "payeeNote": content.get("payee_note"),
            "financialTransactionId": request.transaction_id,
            "status": status,
            "reason": reason,
        }
    )


def test_number(msisdn: str) -> int | None:
    """Returns the last two digits of one of MTN's test numbers, or None."""
    return int(msisdn[-2:]) if msisdn.startswith(TEST_PHONE) and len(msisdn) == len(TEST_PHONE) + 2 else None


def _as_verdict(word: str, times: Times) -> Verdict:
    if word == _ONGOING:
        return Verdict(waits=True, after_s=math.inf)
    if word == _DELAYED:
        return Verdict(waits=True, after_s=times.pending_s)
    return Verdict(word, waits=True, after_s=times.approval_s)


def _by_amount(order: Order, times: Times) -> Verdict | None:
    """The test amounts exist in the vendor's sandbox only, whose currency is EUR."""
    if order.content["currency"] != CURRENCIES["sandbox"]:
        return None
    ends = {
        "1000": Verdict(waits=True, after_s=times.approval_s),
        "2000": _as_verdict("INTERNAL_PROCESSING_ERROR", times),
        "3000": _as_verdict(_DELAYED, times),
        "4000": Verdict("INTERNAL_PROCESSING_ERROR", waits=True, after_s=times.pending_s),
        "5000": _as_verdict(_ONGOING, times),
        "6000": _as_verdict(_ONGOING, times),
    }
    return ends.get(order.content["amount"])


def by_number(times: Times, *, payout: bool = False) -> Decide:
    """Returns the decisions of MTN's test numbers. All of a debit's are accepted first and fail afterwards."""
    words = dict(enumerate(_PAYOUTS if payout else _DEBITS, start=50))

    def decide(books: Books, order: Order) -> Verdict | None:
        number = test_number(order.content["msisdn"])
        if number in words:
            return _as_verdict(words[number], times)
        return _by_amount(order, times)

    return decide


def by_debit(times: Times) -> Decide:
    """Returns the decisions of refunds of the debits "1" to "13"."""
    words = {str(number): word for number, word in enumerate(_REFUNDS, start=1)}

    def decide(books: Books, order: Order) -> Verdict | None:
        word = words.get(order.content["debit_request_id"])
        return None if word is None else _as_verdict(word, times)

    return decide
