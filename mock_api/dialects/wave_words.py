"""Wave: its errors, and how it reports sessions and payouts."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from mock_api.books import Order, Request
from mock_api.dialects.face import without_empty
from mock_api.dialects.money import digits
from mock_api.ledger import FAILED, PENDING, SUCCESSFUL
from mock_api.reply import Manner, Reply
from mock_api.trade import digest

ERRORS = {
    "400": ("request-validation-error", "The request cannot be used"),
    "401": ("invalid-auth", "The API key is not valid"),
    "404": ("not-found", "The requested object does not exist"),
    "409": ("request-conflict", "The request is in conflict with another one"),
    "429": ("too-many-requests", "Too many requests"),
    "500": ("internal-server-error", "An internal error occurred"),
    "503": ("service-unavailable", "The service is unavailable"),
    "504": ("gateway-timeout", "The service did not answer in time"),
}
REASONS = {
    "INSUFFICIENT_FUNDS": ("insufficient-funds", "The payer does not have enough money"),
    "LIMIT_EXCEEDED": ("payer-limit-reached", "The payer has reached a limit"),
    "NOT_APPROVED": ("payment-cancelled", "The payer has cancelled the payment"),
    "PAYER_NOT_FOUND": ("recipient-not-found", "There is no account with this mobile"),
    "EXPIRED": ("session-expired", "The session has expired"),
}
_CHECKOUT = {PENDING: "open", SUCCESSFUL: "complete", FAILED: "expired"}
_PAYMENT = {PENDING: "processing", SUCCESSFUL: "succeeded", FAILED: "cancelled"}
_PAYOUT = {PENDING: "processing", SUCCESSFUL: "succeeded", FAILED: "failed"}


def fail(status: str, message: str = "", code: str = "") -> Reply:
    """Returns an error: the usual one of the status, or with another code and message."""
    usual, text = ERRORS[status]
    return {"code": code or usual, "message": message or text}, int(status)


MANNER = Manner("wave", fail, frozenset({"id", "transaction_id", "client_reference"}))


def transaction_id(order: Order) -> str:
    return f"T{digits(order, 12)}"


def second(at: str | float) -> str:
    """Returns a time, in seconds since 1970 or as in the ledger, as Wave writes it."""
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _why(request: Request, names: tuple[str, str]) -> dict[str, str] | None:
    if request.status != FAILED:
        return None
    reason = str(request.reason)
    return dict(zip(names, REASONS.get(reason, (reason.lower().replace("_", "-"), reason)), strict=True))


def session(request: Request, launch_url: str, expiry_s: float, refunded: str | None = None) -> Mapping[str, object]:
    """Returns a checkout session.

    launch_url: of the payer's page.
    expiry_s: the life of an open session.
    refunded: when it was refunded, as in the ledger, or None.
    """
    content = request.order.content
    created = float(content["created_s"])
    return without_empty(
        {
            "id": request.order.request_id,
            "amount": content["amount"],
            "currency": content["currency"],
            "checkout_status": _CHECKOUT[request.status],
            "payment_status": _PAYMENT[request.status],
            "client_reference": content.get("caller_id"),
            "restrict_payer_mobile": content.get("restricted"),
            "success_url": content["success_url"],
            "error_url": content["error_url"],
            "transaction_id": request.transaction_id,
            "wave_launch_url": launch_url,
            "when_created": second(created),
            "when_expires": second(created + expiry_s),
            "when_completed": second(str(request.at)) if request.status == SUCCESSFUL else None,
            "when_refunded": second(refunded) if refunded else None,
            "last_payment_error": _why(request, ("code", "message")),
        }
    )


def payout(request: Request) -> Mapping[str, object]:
    content = request.order.content
    return without_empty(
        {
            "id": request.order.request_id,
            "status": _PAYOUT[request.status],
            "currency": content["currency"],
            "receive_amount": content["amount"],
            "fee": "0",
            "mobile": content["msisdn"],
            "name": content.get("name"),
            "client_reference": content.get("reference"),
            "timestamp": second(float(content["created_s"])),
            "payout_error": _why(request, ("error_code", "error_message")),
        }
    )


def envelope(request: Request, launch_url: str, expiry_s: float) -> Mapping[str, object]:
    """Returns the body of a webhook about a session."""
    done = request.status == SUCCESSFUL
    return {
        "id": f"EV_{digest(request.order).hex()}",
        "type": "checkout.session.completed" if done else "checkout.session.payment_failed",
        "data": session(request, launch_url, expiry_s),
    }


def signature(secret: str, body: bytes, now: float) -> dict[str, str]:
    """Returns the header that signs a webhook: HMAC-SHA256 of the time and the body, without a dot between them."""
    stamp = str(int(now))
    digest_ = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).hexdigest()
    return {"Wave-Signature": f"t={stamp},v1={digest_}"}
