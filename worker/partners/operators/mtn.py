"""MTN Mobile Money: collections, and disbursements for refunds and payouts. Source: momodeveloper.mtn.com.

MTN wants a UUID of version 4 as reference: `uuid4_of` ours. The payer has five minutes to approve.
"""

from collections.abc import Mapping

from core.clock import Clock
from core.money import format_minor
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    basic,
    by_uuid4,
    plain,
    read,
    refused,
    same_amount,
    same_phone,
    unclear,
    uuid4_of,
)
from worker.partners.operators.port import Demand, Holder, Service
from worker.partners.operators.tokens import Tokens
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable

REASONS: Mapping[str, str] = {
    "NOT_ENOUGH_FUNDS": "insufficient_funds",
    "PAYER_NOT_FOUND": "payer_not_found",
    "PAYEE_NOT_FOUND": "payer_not_found",
    "PAYER_LIMIT_REACHED": "limit_exceeded",
    "APPROVAL_REJECTED": "not_approved",
    "EXPIRED": "not_approved",
    "COULD_NOT_PERFORM_TRANSACTION": "not_approved",
    "PAYMENT_NOT_APPROVED": "not_approved",
}
"""Our codes; any other reason is `declined`."""
MISCONFIGURED = frozenset({"NOT_ALLOWED_TARGET_ENVIRONMENT", "INVALID_CALLBACK_URL_HOST", "INVALID_CURRENCY"})
"""Codes of a 500 that is a mistake in our configuration: repeating the request would not help."""
MAX_MESSAGE_CHARS = 160


class Mtn:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        self._collection = _client(operator, http, clock, "collection", "")
        self._disbursement = _client(operator, http, clock, "disbursement", "DISBURSEMENT_")
        self._refunds_by_transfer = operator.options["REFUND"] == "transfer"
        self.debits = Service(self._debit, self._ask_debit, recorded_as=by_uuid4)
        self.refunds: Service | None = Service(self._refund, self._ask_refund, recorded_as=by_uuid4)
        self.payouts: Service | None = Service(self._transfer, self._ask_transfer, recorded_as=by_uuid4)

    def holder(self, phone: str) -> Holder | Unavailable:
        """Returns the owner of an account.

        phone: in E.164 form.
        """
        path = f"/collection/v1_0/accountholder/msisdn/{phone.removeprefix('+')}"
        active = self._collection.look(f"{path}/active")
        if isinstance(active, Unavailable):
            return active
        named = self._collection.look(f"{path}/basicuserinfo")
        names = [named.body.get(key) for key in ("given_name", "family_name")] if isinstance(named, Answer) else []
        name = " ".join(str(part) for part in names if part)
        return Holder(active.status == 200 and active.body.get("result") is True, name or None)

    def _debit(self, demand: Demand) -> Reply:
        body = {**_money(demand), "payer": _party(demand), "payerMessage": _text(demand), "payeeNote": _text(demand)}
        headers = {"X-Reference-Id": uuid4_of(demand.reference)}
        if demand.callback_url:
            headers["X-Callback-Url"] = demand.callback_url
        return read(self._collection.call("POST", "/collection/v1_0/requesttopay", body, headers), _accepted)

    def _ask_debit(self, demand: Demand) -> Reply:
        return self._ask(self._collection, "collection/v1_0/requesttopay", demand, "payer")

    def _refund(self, demand: Demand) -> Reply:
        assert demand.debit is not None
        if self._refunds_by_transfer:
            return self._transfer(demand)
        body = {
            **_money(demand),
            "payerMessage": _text(demand),
            "payeeNote": _text(demand),
            "referenceIdToRefund": uuid4_of(demand.debit.reference),
        }
        headers = {"X-Reference-Id": uuid4_of(demand.reference)}
        return read(self._disbursement.call("POST", "/disbursement/v1_0/refund", body, headers), _accepted)

    def _ask_refund(self, demand: Demand) -> Reply:
        call = "transfer" if self._refunds_by_transfer else "refund"
        return self._ask(self._disbursement, f"disbursement/v1_0/{call}", demand, "payee")

    def _transfer(self, demand: Demand) -> Reply:
        body = {**_money(demand), "payee": _party(demand), "payerMessage": _text(demand), "payeeNote": _text(demand)}
        headers = {"X-Reference-Id": uuid4_of(demand.reference)}
        return read(self._disbursement.call("POST", "/disbursement/v1_0/transfer", body, headers), _accepted)

    def _ask_transfer(self, demand: Demand) -> Reply:
        return self._ask(self._disbursement, "disbursement/v1_0/transfer", demand, "payee")

    def _ask(self, client: Client, path: str, demand: Demand, party: str) -> Reply:
        answer = client.call("GET", f"/{path}/{uuid4_of(demand.reference)}")
        return read(answer, lambda answer: _status(answer, demand, party))


def _client(operator: OperatorSettings, http: PartnerHttp, clock: Clock, product: str, names: str) -> Client:
    """Each product has credentials of its own; those of collections where none are set."""
    user, key, subscription = (
        operator.options[names + name] or operator.options[name] for name in ("USER", "KEY", "SUBSCRIPTION_KEY")
    )
    subscribed = {"Ocp-Apim-Subscription-Key": subscription}
    tokens = Tokens(
        lambda: http.exchange("POST", f"/{product}/token/", headers={**subscribed, **basic(user, key)}), clock
    )
    return Client(http, clock, tokens, {**subscribed, "X-Target-Environment": operator.options["MARKET"]})


def _accepted(answer: Answer) -> Reply:
    match answer.status:
        case 202 | 409:  # 409: they have our reference already
            return Pending()
        case 400:
            return refused(answer)
        case 500 if answer.body.get("code") in MISCONFIGURED:
            return Declined("operator_misconfigured")
        case _:
            return unclear(answer)


def _status(answer: Answer, demand: Demand, party: str) -> Reply:
    if answer.status == 404:
        return NotFound()
    if answer.status != 200 or "amount" not in answer.body:
        return unclear(answer)
    if not same_amount(answer.body.get("amount"), format_minor(demand.minor, demand.currency)):
        return Mismatch("another amount")
    reported = answer.body.get(party)
    if isinstance(reported, dict) and not same_phone(reported.get("partyId"), demand.phone):
        return Mismatch("another phone")
    match answer.body.get("status"):
        case "SUCCESSFUL":
            return Confirmed({"transaction_id": str(answer.body.get("financialTransactionId", ""))})
        case "PENDING" | "CREATED":
            return Pending()
        case "FAILED":
            reason = _reason(answer.body.get("reason"))
            return Declined(REASONS.get(reason, "declined"), {"reason": reason})
        case _:
            return unclear(answer)


def _reason(reason: object) -> str:
    """MTN writes it as text in some versions, and as an object with a code in others."""
    return str(reason.get("code", "") if isinstance(reason, dict) else reason or "")[:128]


def _money(demand: Demand) -> dict[str, object]:
    return {
        "amount": format_minor(demand.minor, demand.currency),
        "currency": demand.currency,
        "externalId": demand.reference,
    }


def _party(demand: Demand) -> dict[str, str]:
    return {"partyIdType": "MSISDN", "partyId": demand.phone.removeprefix("+")}


def _text(demand: Demand) -> str:
    """MTN refuses apostrophes and other special characters."""
    return plain(demand.text.replace(":", " "), MAX_MESSAGE_CHARS)
