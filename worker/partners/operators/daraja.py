"""M-Pesa of Safaricom, by Daraja: prompts on the phone, reversals, and payouts. Source: developer.safaricom.co.ke.

Daraja knows no reference of ours, and a second request is a second prompt. It is asked by its own id of the prompt; of
a lost answer, and of reversals and payouts, only the callback reports the outcome. Where Daraja is asked and gives no
usable answer for a quarter of an hour, a callback that confirms the amount under its id of the prompt counts, too.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from typing import Any

from core.clock import Clock
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    basic,
    by_known,
    plain,
    read,
    refused,
    short_id_of,
    unclear,
    uuid4_of,
    whole_amount,
)
from worker.partners.operators.daraja_callbacks import BELIEVED_LATER, REFUSALS, read_push, read_result, text_of
from worker.partners.operators.port import Demand, Service
from worker.partners.operators.tokens import Tokens
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unavailable

NAIROBI = timezone(timedelta(hours=3))
TOKEN_REFUSED = "404.001.03"
BEING_PROCESSED = "500.001.1001"
"""Of a query: the payer has not answered yet. Of a request: anything."""
OVER_LIMIT = ("500.003.02", "500.003.03")
BELIEVED_AFTER_S = 5 * 60
"""How long after sending a refusal of BELIEVED_LATER is final: some payers were seen to pay after it."""
MAX_ACCOUNT_CHARS, MAX_TEXT_CHARS, MAX_REMARK_CHARS = 12, 13, 100
BY_SHORTCODE = "11"
"""The kind of party that gives the money of a reversal back."""


class Daraja:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        key = basic(options["CONSUMER_KEY"], options["CONSUMER_SECRET"])
        path = "/oauth/v1/generate?grant_type=client_credentials"
        tokens = Tokens(lambda: http.exchange("GET", path, headers=key), clock)
        self._clock = clock
        self._client = Client(http, clock, tokens, refuses_token=lambda answer: _error(answer) == TOKEN_REFUSED)
        self._shortcode, self._passkey = options["SHORTCODE"], options["PASSKEY"]
        self._initiator, self._credential = options["INITIATOR"], options["SECURITY_CREDENTIAL"]
        initiates = bool(self._initiator and self._credential)
        self.debits = Service(
            self._push,
            self._query,
            asked_by_theirs="checkout_request_id",
            read=read_push,
            recorded_as=lambda push: by_known("checkout_request_id", push),
        )
        reversals = Service(self._reverse, read=read_result, recorded_as=_conversation)
        payouts = Service(self._pay_out, read=read_result, recorded_as=_conversation)
        self.refunds: Service | None = reversals if initiates else None
        self.payouts: Service | None = payouts if initiates else None

    def _push(self, demand: Demand) -> Reply:
        phone = demand.phone.removeprefix("+")

        def body(amount: int, url: str) -> dict[str, object]:
            return {
                **self._signed(),
                "TransactionType": "CustomerPayBillOnline",
                "Amount": amount,
                "PartyA": phone,
                "PartyB": self._shortcode,
                "PhoneNumber": phone,
                "CallBackURL": url,
                "AccountReference": short_id_of(demand.reference, MAX_ACCOUNT_CHARS),
                "TransactionDesc": plain(demand.text, MAX_TEXT_CHARS, "Payment"),
            }

        names = {"checkout_request_id": "CheckoutRequestID", "merchant_request_id": "MerchantRequestID"}
        return self._send("/mpesa/stkpush/v1/processrequest", demand, body, names)

    def _query(self, demand: Demand) -> Reply:
        body = {**self._signed(), "CheckoutRequestID": demand.known["checkout_request_id"]}
        answer = self._client.call("POST", "/mpesa/stkpushquery/v1/query", body)
        return read(answer, lambda answer: self._queried(answer, demand))

    def _queried(self, answer: Answer, demand: Demand) -> Reply:
        if _error(answer) == BEING_PROCESSED:
            return Pending()
        if _error(answer) in OVER_LIMIT:
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
        named = answer.body.get("CheckoutRequestID")
        ours = named in (None, demand.known["checkout_request_id"])
        if answer.status != 200 or text_of(answer.body.get("ResponseCode")) != "0" or not ours:
            return unclear(answer)
        code = text_of(answer.body.get("ResultCode"))
        if code == "0":
            return Confirmed()
        if code not in REFUSALS:
            return unclear(answer)
        if code in BELIEVED_LATER and not self._is_old(demand):
            return Pending()
        return Declined(REFUSALS[code], {"reason": code})

    def _is_old(self, demand: Demand) -> bool:
        sent = demand.submitted_at
        return sent is not None and (self._clock.now() - sent).total_seconds() >= BELIEVED_AFTER_S

    def _reverse(self, demand: Demand) -> Reply:
        assert demand.debit is not None
        receipt = demand.debit.known.get("receipt")
        if demand.minor != demand.debit.minor:
            return Declined("refund_by_hand")
        if not receipt:
            return Unavailable("no callback has brought the receipt of the debit", called=False)

        def body(amount: int, url: str) -> dict[str, object]:
            return {
                "Initiator": self._initiator,
                "SecurityCredential": self._credential,
                "CommandID": "TransactionReversal",
                "TransactionID": receipt,
                "Amount": amount,
                "ReceiverParty": self._shortcode,
                "RecieverIdentifierType": BY_SHORTCODE,  # spelled as they do
                "ResultURL": url,
                "QueueTimeOutURL": url,
                "Remarks": plain(demand.text, MAX_REMARK_CHARS, "Payment"),
            }

        return self._send("/mpesa/reversal/v1/request", demand, body, CONVERSATION)

    def _pay_out(self, demand: Demand) -> Reply:
        def body(amount: int, url: str) -> dict[str, object]:
            return {
                "OriginatorConversationID": uuid4_of(demand.reference),
                "InitiatorName": self._initiator,
                "SecurityCredential": self._credential,
                "CommandID": "BusinessPayment",
                "Amount": amount,
                "PartyA": self._shortcode,
                "PartyB": demand.phone.removeprefix("+"),
                "Remarks": plain(demand.text, MAX_REMARK_CHARS, "Payment"),
                "QueueTimeOutURL": url,
                "ResultURL": url,
            }

        return self._send("/mpesa/b2c/v3/paymentrequest", demand, body, CONVERSATION)

    def _send(
        self, path: str, demand: Demand, body: Callable[[int, str], Mapping[str, object]], names: Mapping[str, str]
    ) -> Reply:
        """Sends a request whose outcome a callback reports.

        body: makes it, from the amount in whole shillings and the URL for the callback.
        names: what is kept of the answer: our name of it, and theirs.
        """
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:
            return Declined("amount_not_supported")
        if not demand.callback_url:  # they require one
            return Declined("operator_misconfigured")
        answer = self._client.call("POST", path, body(amount, demand.callback_url))
        return read(answer, lambda answer: _accepted(answer, names))

    def _signed(self) -> dict[str, str]:
        timestamp = self._clock.now().astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"{self._shortcode}{self._passkey}{timestamp}".encode()).decode()
        return {"BusinessShortCode": self._shortcode, "Password": password, "Timestamp": timestamp}


def _conversation(demand: Demand) -> str:
    return by_known("originator_conversation_id", demand)


CONVERSATION = {"conversation_id": "ConversationID", "originator_conversation_id": "OriginatorConversationID"}


def _accepted(answer: Answer, names: Mapping[str, str]) -> Reply:
    match answer.status:
        case 200 if text_of(answer.body.get("ResponseCode")) == "0":
            return Pending({ours: text for ours, theirs in names.items() if (text := text_of(answer.body.get(theirs)))})
        case _ if _error(answer) in OVER_LIMIT:
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
        case 400:
            return refused(answer)
        case _:
            return unclear(answer)


def _error(answer: Answer) -> Any:
    return answer.body.get("errorCode")
