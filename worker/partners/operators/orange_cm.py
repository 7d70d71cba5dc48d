"""Orange Money Cameroon: a push to the phone, in two calls. Refunds and payouts are made by hand.

`mp/init` gives a pay token and moves no money; `mp/pay` uses it, and the status is asked by it.
"""

from urllib.parse import quote

from core.clock import Clock
from core.money import format_minor
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    basic,
    by_short_id,
    client_credentials,
    national,
    plain,
    read,
    refused,
    same_amount,
    same_phone,
    short_id_of,
    unclear,
    whole_amount,
)
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unknown

API = "/omcoreapis/1.0.2"
MAX_DESCRIPTION_CHARS = 50
REFUSALS = {"FAILED": "declined", "EXPIRED": "not_approved", "CANCELLED": "not_approved"}


class OrangeCm:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        tokens = client_credentials(http, clock, "/token", options["CLIENT_ID"], options["CLIENT_SECRET"])
        user = basic(options["USER"], options["PASSWORD"])["Authorization"].removeprefix("Basic ")
        self._client = Client(http, clock, tokens, {"X-AUTH-TOKEN": user})
        self._msisdn, self._pin = options["MSISDN"], options["PIN"]
        self.debits = Service(self._pay, self._ask, self._init, recorded_as=by_short_id)
        self.refunds: Service | None = None
        self.payouts: Service | None = None

    def _init(self, demand: Demand) -> Reply:
        if whole_amount(demand.minor, demand.currency) is None:
            return Declined("amount_not_supported")
        return read(self._client.call("POST", f"{API}/mp/init"), _prepared)

    def _pay(self, demand: Demand) -> Reply:
        body = {
            "channelUserMsisdn": self._msisdn,
            "amount": str(whole_amount(demand.minor, demand.currency)),
            "subscriberMsisdn": national(demand.phone),
            "pin": self._pin,
            "orderId": short_id_of(demand.reference),
            "description": plain(demand.text, MAX_DESCRIPTION_CHARS, "Payment"),
            "payToken": demand.known["pay_token"],
            **({"notifUrl": demand.callback_url} if demand.callback_url else {}),
        }
        return read(self._client.call("POST", f"{API}/mp/pay", body), lambda answer: _accepted(answer, demand))

    def _ask(self, demand: Demand) -> Reply:
        path = f"{API}/mp/paymentstatus/{quote(demand.known['pay_token'], safe='')}"
        return read(self._client.call("GET", path), lambda answer: _asked(answer, demand))


def _prepared(answer: Answer) -> Reply:
    data = answer.body.get("data")
    token = data.get("payToken") if isinstance(data, dict) else None
    found = answer.status in (200, 201) and isinstance(token, str) and token
    return Confirmed({"pay_token": token}) if found else unclear(answer)


def _accepted(answer: Answer, demand: Demand) -> Reply:
    match answer.status:
        case 200 | 201:
            return _status(answer, demand)
        case 400:
            return refused(answer)
        case 409:  # they have this pay token already
            return Pending()
        case _:
            return unclear(answer)


def _asked(answer: Answer, demand: Demand) -> Reply:
    match answer.status:
        case 200 | 201:
            return _status(answer, demand)
        case 404:
            return NotFound()
        case _:
            return unclear(answer)


def _status(answer: Answer, demand: Demand) -> Reply:
    data = answer.body.get("data")
    if not isinstance(data, dict):
        return unclear(answer)
    if data.get("payToken") not in (None, demand.known["pay_token"]):
        return Unknown("another pay token")
    amount = format_minor(demand.minor, demand.currency)
    if data.get("amount") is not None and not same_amount(data["amount"], amount):
        return Mismatch("another amount")
    if data.get("subscriberMsisdn") and not same_phone(data["subscriberMsisdn"], demand.phone):
        return Mismatch("another phone")
    match data.get("status"):
        case "SUCCESSFULL" | "SUCCESSFUL":  # the first is how they spell it
            return Confirmed({"transaction_id": str(data.get("txnid") or "")})
        case "PENDING":
            return Pending()
        case "INITIATED" | "INITIALIZED" | "PRE_INITIATED":
            return NotFound()  # of `mp/init` only: no payment has used this pay token
        case ("FAILED" | "EXPIRED" | "CANCELLED") as status:
            return Declined(REFUSALS[status], {"reason": status})
        case _:
            return unclear(answer)
