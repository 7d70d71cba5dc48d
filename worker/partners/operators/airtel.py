"""Airtel Money: debits, and refunds of a whole debit. Source: developers.airtel.africa.

Airtel knows a debit by an id of ours, and answers neither amount nor phone. A refund has no id of ours: when its answer
is lost, a person finds out. Payouts need a PIN that is encrypted with RSA, and are done by hand.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from core.clock import Clock
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    by_known,
    by_short_id,
    national,
    plain,
    read,
    short_id_of,
    unclear,
    whole_amount,
)
from worker.partners.operators.port import Demand, Service
from worker.partners.operators.tokens import Tokens
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply

CODE = re.compile(r"DP0080000(1\d{3})", re.ASCII)
SUCCESS, NOT_FOUND = "1001", "1025"
AMBIGUOUS = frozenset({"1000", "1024"})
"""Ambiguous, and timed out, which does not mean that it did not happen: not even a failed status counts then."""
UNDECIDED = AMBIGUOUS | {"1006"}
"""Those, and in process."""
REFUSALS: Mapping[str, str] = {
    "1002": "not_approved",  # wrong PIN
    "1003": "limit_exceeded",
    "1004": "refused_as_invalid",  # the amount
    "1005": "not_approved",  # no PIN entered
    "1007": "insufficient_funds",
    "1008": "declined",
    "1010": "declined",  # not permitted to the payee
    "1026": "operator_misconfigured",  # forbidden
}
"""Our codes."""
MAX_TEXT_CHARS = 64


class Airtel:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        options = operator.options
        grant = {
            "client_id": options["CLIENT_ID"],
            "client_secret": options["CLIENT_SECRET"],
            "grant_type": "client_credentials",
        }
        self._country = options["COUNTRY"]
        tokens = Tokens(lambda: http.exchange("POST", "/auth/oauth2/token", grant), clock)
        self._client = Client(http, clock, tokens, {"X-Country": self._country})
        self.debits = Service(self._debit, self._ask, recorded_as=by_short_id)
        self.refunds: Service | None = Service(
            self._refund, recorded_as=lambda refund: by_known("airtel_money_id", refund.debit)
        )
        self.payouts: Service | None = None

    def _debit(self, demand: Demand) -> Reply:
        amount = whole_amount(demand.minor, demand.currency)
        if amount is None:  # Airtel's answers lack the amount: one that was rounded would never be noticed.
            return Declined("amount_not_supported")
        market = {"country": self._country, "currency": demand.currency}
        body = {
            "reference": plain(demand.text, MAX_TEXT_CHARS) or short_id_of(demand.reference),
            "subscriber": {**market, "msisdn": national(demand.phone)},
            "transaction": {"amount": amount, **market, "id": short_id_of(demand.reference)},
        }
        return read(self._client.call("POST", "/merchant/v1/payments/", body, _currency(demand)), _submitted)

    def _ask(self, demand: Demand) -> Reply:
        path = f"/standard/v1/payments/{quote(short_id_of(demand.reference), safe='')}"
        answer = self._client.call("GET", path, headers=_currency(demand))
        return read(answer, lambda answer: _status(answer, short_id_of(demand.reference)))

    def _refund(self, demand: Demand) -> Reply:
        """Only the whole amount can be given back, and only of a debit whose id at Airtel is known."""
        assert demand.debit is not None
        theirs = demand.debit.known.get("airtel_money_id")
        if not theirs or demand.minor != demand.debit.minor:
            return Declined("refund_by_hand")
        body = {"transaction": {"airtel_money_id": theirs}}
        return read(self._client.call("POST", "/standard/v1/payments/refund", body, _currency(demand)), _refunded)


def _submitted(answer: Answer) -> Reply:
    """Success means only that the payer was asked."""
    code = _code(answer)
    if code in UNDECIDED or (answer.status == 200 and _object(answer.body, "status").get("success") is True):
        return Pending()
    return _refusal(code) or unclear(answer)


def _status(answer: Answer, id: str) -> Reply:
    transaction, code = _transaction(answer), _code(answer)
    status = transaction.get("status") if answer.status == 200 else None
    if transaction.get("id") not in (None, id):
        return unclear(answer)
    match status:
        case "TS":
            return Confirmed(_id(transaction))
        case "TA" | "TIP":
            return Pending()
        case "TF" | "TE" if code not in (*AMBIGUOUS, SUCCESS, NOT_FOUND):
            return _refusal(code) or Declined("not_approved" if status == "TE" else "declined", {"reason": str(status)})
    if code in UNDECIDED:
        return Pending()
    return NotFound() if code == NOT_FOUND and "status" not in transaction else unclear(answer)


def _refunded(answer: Answer) -> Reply:
    code, transaction = _code(answer), _transaction(answer)
    if code in UNDECIDED:
        return Pending()
    succeeded = _object(answer.body, "status").get("success") is True and transaction.get("status") == "SUCCESS"
    if answer.status == 200 and succeeded and code in ("", SUCCESS):
        return Confirmed(_id(transaction))
    return _refusal(code) or unclear(answer)


def _refusal(code: str) -> Declined | None:
    return Declined(REFUSALS[code], {"reason": code}) if code in REFUSALS else None


def _code(answer: Answer) -> str:
    """The end of the response_code, "" if there is none that decides."""
    found = CODE.fullmatch(str(_object(answer.body, "status").get("response_code")))
    return found[1] if found and answer.status < 500 else ""


def _transaction(answer: Answer) -> Mapping[str, Any]:
    return _object(_object(answer.body, "data"), "transaction")


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _id(transaction: Mapping[str, Any]) -> dict[str, str]:
    theirs = transaction.get("airtel_money_id")
    return {"airtel_money_id": theirs[:128]} if isinstance(theirs, str) and theirs else {}


def _currency(demand: Demand) -> dict[str, str]:
    return {"X-Currency": demand.currency}
