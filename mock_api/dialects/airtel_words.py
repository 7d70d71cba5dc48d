"""Airtel Africa: its codes, and how it reports transactions."""

import base64
import hashlib
import hmac
import json

from mock_api.answers import AMBIGUOUS
from mock_api.books import Order, Request
from mock_api.dialects.face import Face, without_empty
from mock_api.dialects.money import digits
from mock_api.ledger import FAILED, PENDING
from mock_api.reply import Manner, Reply

CALLING_CODES = {
    "CD": "243",
    "CG": "242",
    "GA": "241",
    "KE": "254",
    "MG": "261",
    "MW": "265",
    "NE": "227",
    "NG": "234",
    "RW": "250",
    "SC": "248",
    "TD": "235",
    "TZ": "255",
    "UG": "256",
    "ZM": "260",
}
"""Phones are without the country's calling code."""
AMBIGUOUS_CODE, SUCCESS, IN_PROCESS, REFUSED, NO_PIN = "1000", "1001", "1006", "1008", "1005"
REASONS = {
    "INSUFFICIENT_FUNDS": "1007",
    "LIMIT_EXCEEDED": "1003",
    "NOT_APPROVED": REFUSED,
    "PAYER_NOT_FOUND": "1010",
    "EXPIRED": NO_PIN,
}
"""The last four digits of the response code of a failed payment; the others are refused."""
PAYOUT_REFUSED, DUPLICATE = "1013", "1017"
PAYOUT_REASONS = {"INSUFFICIENT_FUNDS": "1007", "LIMIT_EXCEEDED": "1003", "PAYER_NOT_FOUND": "1012"}
"""The same of a failed disbursement."""
_NOT_FOUND = {"debit": "1025", "payout": "1015"}
_FAMILIES = {"debit": "DP0080000", "refund": "DP0080000", "payout": "DP0090000"}


def status_of(code: str, message: str, *, success: bool, call: str = "debit", http: str = "200") -> dict[str, object]:
    """Returns the `status` of an answer.

    code: the last four digits of the response code; empty for an answer without one.
    """
    result = "ESB000010" if success else "ESB000008"
    response_code = f"{_FAMILIES[call]}{code}" if code else None
    status = {"code": http, "message": message, "result_code": result, "response_code": response_code}
    return without_empty({**status, "success": success})


def refuse(status: str, message: str = "") -> Reply:
    """Returns the answer to a call that fails with this HTTP status."""
    if status == "401":
        return {"error": "invalid_token", "error_description": "The access token is invalid or expired"}, 401
    code = {"400": "1004", "500": AMBIGUOUS_CODE, "504": AMBIGUOUS_CODE}.get(status, "")
    return {"status": status_of(code, message or "The request failed", success=False, http=status)}, int(status)


def not_found(call: str) -> Reply:
    """Returns the answer about a transaction that is not there."""
    return {"status": status_of(_NOT_FOUND[call], "Transaction not found", success=False, call=call)}, 200


def bad_pin(*, encrypted: bool) -> Reply:
    """Returns the router's refusal of a PIN.

    encrypted: whether it could be opened at all.
    """
    code, message = ("ROUTER115", "Incorrect Pin") if encrypted else ("ROUTER116", "Incorrect Encrypted Pin")
    return {"status_code": code, "status_message": message}, 400


MANNER = Manner("airtel", refuse, frozenset({"id", "airtel_money_id", "reference_id"}))


def money_id(order: Order) -> str:
    """Returns the airtel_money_id of an order."""
    number = digits(order, 15)
    return f"{'MP' if order.call == 'debit' else 'CI'}{number[:6]}.{number[6:10]}.L{number[10:]}"


def own_id(order: Order) -> str:
    """Returns the id that the caller has chosen."""
    return order.content.get("caller_id", order.request_id)


def outcome(face: Face | None, found: Request) -> tuple[str, str, str]:
    """Returns the status, the last digits of the response code, and the message."""
    if found.status == PENDING:
        if face is not None and face.fault(found.order) == AMBIGUOUS:
            return "TA", AMBIGUOUS_CODE, "The transaction is ambiguous"
        return "TIP", IN_PROCESS, "In process"
    if found.status == FAILED:
        reason = str(found.reason)
        codes, other = (PAYOUT_REASONS, PAYOUT_REFUSED) if found.order.call == "payout" else (REASONS, REFUSED)
        return "TE" if reason == "EXPIRED" else "TF", codes.get(reason, other), reason.replace("_", " ").lower()
    content = found.order.content
    message = f"Paid {content['currency']} {content['amount']}. Trans ID {found.transaction_id}."
    if face is not None and face.find(key_of("refund", str(found.transaction_id)), "refund"):
        message += " Refunded."
    return "TS", SUCCESS, message


def notice(secret: str, found: Request) -> dict[str, object]:
    """Returns a callback, with a hash if there is a secret."""
    status, _, message = outcome(None, found)
    ids = {"id": own_id(found.order), "airtel_money_id": found.transaction_id}
    transaction = without_empty({**ids, "message": message, "status_code": status})
    if not secret:
        return {"transaction": transaction}
    digest = hmac.digest(secret.encode(), json.dumps(transaction).encode(), hashlib.sha256)
    return {"transaction": transaction, "hash": base64.b64encode(digest).decode()}


def key_of(call: str, transaction_id: str) -> str:
    """Returns the id of an order in the ledger, where payments, payouts and refunds have one namespace."""
    return transaction_id if call == "debit" else f"{call}:{transaction_id}"
