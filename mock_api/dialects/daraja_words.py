"""M-Pesa Daraja: its codes, and how it reports requests."""

from datetime import UTC, datetime, timedelta, timezone

from mock_api.books import Order, Request
from mock_api.dialects.money import DEBIT_NOT_FOUND, NOT_REFUNDABLE
from mock_api.ledger import SUCCESSFUL
from mock_api.reply import Manner, Reply
from mock_api.trade import digest

NAIROBI = timezone(timedelta(hours=3))
PROCESSING = "500.001.1001"
ERRORS = {
    "400": ("400.002.02", "Bad Request"),
    "401": ("404.001.03", "Invalid Access Token"),
    "404": ("404.001.01", "Resource not found"),
    "409": ("409.001.01", "Conflict"),
    "429": ("500.003.02", "Error Occurred: Spike Arrest Violation"),
    "500": (PROCESSING, "Unable to lock subscriber, a transaction is already in process for the current subscriber"),
    "503": ("500.003.03", "Quota Violation"),
    "504": ("504.001.01", "Gateway Timeout"),
}
RESULTS = {
    None: ("0", "The service request is processed successfully."),
    "INSUFFICIENT_FUNDS": ("1", "The balance is insufficient for the transaction."),
    "LIMIT_EXCEEDED": ("17", "Rule limited."),
    "PAYER_NOT_FOUND": ("1025", "An error occurred while sending a push request."),
    "NOT_APPROVED": ("1032", "Request cancelled by user."),
    "UNREACHABLE": ("1037", "DS timeout user cannot be reached."),
    "EXPIRED": ("1019", "Transaction has expired."),
    DEBIT_NOT_FOUND: ("R000002", "The OriginalTransactionID is invalid."),
    NOT_REFUNDABLE: ("R000001", "The transaction has already been reversed."),
}
"""By the ledger's reason. Any other reason is taken as a ResultCode."""


def _request_id(text: str) -> str:
    return digest(Order("daraja", "answer", text, {})).hex()


def fail(status: str, message: str = "", code: str = "") -> Reply:
    usual, text = ERRORS[status]
    return {
        "requestId": _request_id(message or text),
        "errorCode": code or usual,
        "errorMessage": message or text,
    }, int(status)


MANNER = Manner(
    "daraja",
    fail,
    frozenset(
        {"CheckoutRequestID", "MerchantRequestID", "ConversationID", "OriginatorConversationID", "TransactionID"}
    ),
)


def receipt(order: Order) -> str:
    """Returns a receipt of ten letters and digits."""
    number, letters = int.from_bytes(digest(order)), "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    text = ""
    for _ in range(9):
        number, index = divmod(number, len(letters))
        text += letters[index]
    return f"N{text}"


def merchant_id(order: Order) -> str:
    number = int.from_bytes(digest(order))
    return f"{number % 90_000 + 10_000}-{number // 90_000 % 100_000_000}-1"


def nairobi(at: str | float) -> str:
    """Returns a time, in seconds since 1970 or as in the ledger, as YYYYMMDDHHMMSS in Nairobi."""
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    return when.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def result(request: Request) -> tuple[str, str]:
    """Returns the ResultCode and the ResultDesc of a final request."""
    reason = request.reason
    return RESULTS.get(reason) or (str(reason), "The transaction has failed.")


def _number(code: str) -> int | str:
    return int(code) if code.isdigit() else code


def stk_callback(request: Request) -> dict[str, object]:
    """Returns the callback of an STK push. It does not have the AccountReference."""
    code, text = result(request)
    content = request.order.content
    body: dict[str, object] = {
        "MerchantRequestID": merchant_id(request.order),
        "CheckoutRequestID": request.order.request_id,
        "ResultCode": _number(code),
        "ResultDesc": text,
    }
    if request.status == SUCCESSFUL:
        items = [
            {"Name": "Amount", "Value": float(content["amount"])},
            {"Name": "MpesaReceiptNumber", "Value": request.transaction_id},
            {"Name": "Balance"},
            {"Name": "TransactionDate", "Value": int(nairobi(str(request.at)))},
            {"Name": "PhoneNumber", "Value": int(content["msisdn"].removeprefix("+"))},
        ]
        body["CallbackMetadata"] = {"Item": items}
    return {"Body": {"stkCallback": body}}


def conversation_id(order: Order) -> str:
    return f"AG_{digest(order).hex()}"


def result_callback(request: Request) -> dict[str, object]:
    """Returns what a ResultURL is sent: of a reversal or of a payout."""
    code, text = result(request)
    content = request.order.content
    parameters = [
        {"Key": "TransactionAmount" if request.order.call == "payout" else "Amount", "Value": float(content["amount"])},
        {"Key": "TransactionReceipt", "Value": request.transaction_id},
        {"Key": "ReceiverPartyPublicName", "Value": f"{content['msisdn'].removeprefix('+')} - Awa Sandbox"},
    ]
    body: dict[str, object] = {
        "ResultType": 0,
        "ResultCode": _number(code),
        "ResultDesc": text,
        "OriginatorConversationID": content.get("caller_id", request.order.request_id),
        "ConversationID": conversation_id(request.order),
        "TransactionID": request.transaction_id or receipt(request.order),
    }
    if request.status == SUCCESSFUL:
        body["ResultParameters"] = {"ResultParameter": parameters}
    return {"Result": body}
