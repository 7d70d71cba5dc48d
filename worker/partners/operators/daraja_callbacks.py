"""What the callbacks of Daraja say. They are not signed; our URL names the request, and only Safaricom knows it."""

from collections.abc import Mapping
from typing import Any

from worker.partners.operators.client import same_amount, same_phone, whole_amount
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unknown

REFUSALS: Mapping[str, str] = {
    "1": "insufficient_funds",
    "17": "declined",
    "1001": "declined",
    "1019": "not_approved",
    "1025": "declined",
    "1032": "not_approved",
    "1037": "not_approved",
    "2001": "not_approved",
    "9999": "declined",
}
"""Our code of each result of a prompt that they document: what another one means is unknown."""
BELIEVED_LATER = frozenset({"1019", "1037"})
"""Results after which some payers were seen to pay: expired, and phone not reached."""


def read_push(demand: Demand, body: Mapping[str, Any]) -> Reply:
    """Returns what the callback of a prompt says. One that does not decide contains at least their id of the prompt."""
    callback = _object(_object(body.get("Body")).get("stkCallback"))
    checkout = text_of(callback.get("CheckoutRequestID"))
    if not checkout or demand.known.get("checkout_request_id") not in (None, checkout):
        return Unknown("a callback of another prompt")
    ids = {"checkout_request_id": checkout}
    items = _pairs(_object(callback.get("CallbackMetadata")).get("Item"), "Name")
    if reason := _other(demand, items.get("Amount"), items.get("PhoneNumber")):
        return Unknown(reason)
    code = text_of(callback.get("ResultCode"))
    if code == "0" and items.get("Amount") is not None:
        receipt = text_of(items.get("MpesaReceiptNumber"))
        return Confirmed({**ids, "receipt": receipt} if receipt else ids)
    if code in REFUSALS and code not in BELIEVED_LATER:
        return Declined(REFUSALS[code], {"reason": code})
    return Pending(ids)


def read_result(demand: Demand, body: Mapping[str, Any]) -> Reply:
    """Returns what the result of a reversal or a payout says."""
    result = _object(body.get("Result"))
    for ours, theirs in (
        ("conversation_id", "ConversationID"),
        ("originator_conversation_id", "OriginatorConversationID"),
    ):
        if demand.known.get(ours) and result.get(theirs) not in (None, demand.known[ours]):
            return Unknown("a result of another request")
    parameters = _pairs(_object(result.get("ResultParameters")).get("ResultParameter"), "Key")
    amount = parameters.get("TransactionAmount", parameters.get("Amount"))
    party = parameters.get("ReceiverPartyPublicName", parameters.get("CreditPartyPublicName"))
    if reason := _other(demand, amount, text_of(party).partition(" - ")[0] or None):
        return Unknown(reason)
    match text_of(result.get("ResultType")), text_of(result.get("ResultCode")):
        case "0", "0":
            return Confirmed({"receipt": text_of(result.get("TransactionID"))})
        case "0", code if code:
            return Declined("declined", {"reason": code[:128]})
        case _:
            return Unknown("a result that does not decide")


def text_of(value: object) -> str:
    """Returns a code or an id as text: they write it as a number in some places, and as text in others."""
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _other(demand: Demand, amount: object, phone: object) -> str:
    """Returns what differs from the demand, of what the callback contains; "" if nothing does."""
    if amount is not None and not same_amount(amount, str(whole_amount(demand.minor, demand.currency))):
        return "another amount"
    return "another phone" if phone is not None and not same_phone(phone, demand.phone) else ""


def _pairs(items: object, name: str) -> dict[str, Any]:
    """Returns the values by name. Some items have none; a single one may come without a list."""
    found = items if isinstance(items, list) else [items]
    return {str(item.get(name)): item.get("Value") for item in found if isinstance(item, dict)}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
