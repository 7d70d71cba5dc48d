"""Orange Money Web Payment: the payer approves on a page of Orange. Source: developer.orange.com. No refunds.

The order is made first and moves no money: only this worker knows its page until the order is saved. Its id is new on
each attempt, as Orange takes an id once; an order that nobody has seen costs nothing. The payer has ten minutes.
"""

import secrets

from core.clock import Clock
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    by_known,
    client_credentials,
    plain,
    read,
    refused,
    return_url,
    unclear,
    web_address,
    whole_amount,
)
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unknown

SANDBOX_COUNTRY, SANDBOX_CURRENCY = "dev", "OUV"
ORDER_ID_BYTES = 15
"""Written in 30 characters, the longest that Orange takes."""
MAX_REFERENCE_CHARS = 30
REFUSALS = {"FAILED": "declined", "EXPIRED": "not_approved"}


class OrangeWebPay:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        tokens = client_credentials(http, clock, "/oauth/v2/token", options["CLIENT_ID"], options["CLIENT_SECRET"])
        self._client = Client(http, clock, tokens)
        self._country, self._key, self._return_url = options["COUNTRY"], options["KEY"], return_url(operator)
        self._api = f"/orange-money-webpay/{self._country}/v1"
        self.debits = Service(self._show, self._ask, self._order, recorded_as=lambda order: by_known("order_id", order))
        self.refunds: Service | None = None
        self.payouts: Service | None = None

    def _order(self, demand: Demand) -> Reply:
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:
            return Declined("amount_not_supported")
        if not demand.callback_url:  # they require one
            return Declined("operator_misconfigured")
        order_id = secrets.token_hex(ORDER_ID_BYTES)
        body = {
            "merchant_key": self._key,
            "currency": SANDBOX_CURRENCY if self._country == SANDBOX_COUNTRY else demand.currency,
            "order_id": order_id,
            "amount": amount,
            "return_url": self._return_url,
            "cancel_url": self._return_url,
            "notif_url": demand.callback_url,
            "lang": "fr",
            "reference": plain(demand.text, MAX_REFERENCE_CHARS, "Payment"),
        }
        answer = self._client.call("POST", f"{self._api}/webpayment", body)
        return read(answer, lambda answer: _ordered(answer, order_id))

    def _show(self, demand: Demand) -> Reply:
        """The order has been made: from now on the payer may see its page."""
        return _waiting(demand)

    def _ask(self, demand: Demand) -> Reply:
        body = {
            "order_id": demand.known["order_id"],
            "amount": whole_amount(demand.minor, demand.currency),
            "pay_token": demand.known["pay_token"],
        }
        answer = self._client.call("POST", f"{self._api}/transactionstatus", body)
        return read(answer, lambda answer: _status(answer, demand))


def _waiting(demand: Demand) -> Pending:
    """Names the page also when it is asked: the worker that showed it may have died before it was saved."""
    return Pending({"redirect": demand.known["payment_url"]})


def _ordered(answer: Answer, order_id: str) -> Reply:
    token, url = answer.body.get("pay_token"), web_address(answer.body.get("payment_url"))
    match answer.status:
        case 200 | 201 if isinstance(token, str) and token and url:
            return Confirmed({"order_id": order_id, "pay_token": token, "payment_url": url})
        case 400:
            return refused(answer)
        case _:
            return unclear(answer)


def _status(answer: Answer, demand: Demand) -> Reply:
    if answer.status == 404:
        return NotFound()
    if answer.status not in (200, 201):
        return unclear(answer)
    if answer.body.get("order_id") not in (None, demand.known["order_id"]):
        return Unknown("another order")
    match answer.body.get("status"):
        case "SUCCESS":
            return Confirmed({"transaction_id": str(answer.body.get("txnid") or "")})
        case "INITIATED" | "PENDING":
            return _waiting(demand)
        case ("FAILED" | "EXPIRED") as status:
            return Declined(REFUSALS[status], {"reason": status})
        case _:
            return unclear(answer)
