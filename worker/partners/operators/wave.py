"""Wave: the payer approves in a checkout session, whose page opens the app. Source: docs.wave.com.

A request with the same Idempotency-Key gets the same answer again, and both sessions and payouts are found by our
reference. A whole refund is one of the session; a part is paid out. Wave refuses fields that it does not know.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from core.clock import Clock, from_rfc3339
from core.money import format_minor
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import (
    Client,
    by_known,
    read,
    refused,
    return_url,
    same_amount,
    same_phone,
    unclear,
    uuid4_of,
    web_address,
)
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unknown

SESSIONS = "/v1/checkout/sessions"
PAYOUT, PAYOUTS = "/v1/payout", "/v1/payouts"
ENDED_AFTER_S = 5 * 60
"""How long after a session has expired a payment that is still processing counts as not made."""

Found = Callable[[Mapping[str, Any], Demand], Reply]
"""Returns what a session or a payout means."""


class Wave:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        self._client = Client(http, clock, headers={"Authorization": f"Bearer {operator.options['KEY']}"})
        self._clock = clock
        self._return_url = return_url(operator)
        self.debits = Service(self._open, self._ask_session)
        self.refunds: Service | None = Service(self._refund, self._ask_refund, recorded_as=_refunded_as)
        self.payouts: Service | None = Service(self._pay_out, self._ask_payout)

    def _open(self, demand: Demand) -> Reply:
        body = {
            "amount": format_minor(demand.minor, demand.currency),
            "currency": demand.currency,
            "success_url": self._return_url,
            "error_url": self._return_url,
            "client_reference": demand.reference,
            "restrict_payer_mobile": demand.phone,
        }
        return self._submit(SESSIONS, body, demand, self._session)

    def _ask_session(self, demand: Demand) -> Reply:
        return self._ask(SESSIONS, SESSIONS, demand, "session", self._session)

    def _refund(self, demand: Demand) -> Reply:
        assert demand.debit is not None
        if demand.minor != demand.debit.minor:
            return self._pay_out(demand)
        session = demand.debit.known.get("session")
        if not session:
            return Declined("refund_by_hand")
        return self._submit(f"{SESSIONS}/{quote(session, safe='')}/refund", None, demand, _refunding)

    def _ask_refund(self, demand: Demand) -> Reply:
        assert demand.debit is not None
        if demand.minor != demand.debit.minor:
            return self._ask_payout(demand)
        session = demand.debit.known["session"]
        answer = self._client.call("GET", f"{SESSIONS}/{quote(session, safe='')}")
        return read(answer, lambda answer: _refunded(answer.body, demand) if answer.status == 200 else unclear(answer))

    def _pay_out(self, demand: Demand) -> Reply:
        body = {
            "currency": demand.currency,
            "receive_amount": format_minor(demand.minor, demand.currency),
            "mobile": demand.phone,
            "client_reference": demand.reference,
        }
        return self._submit(PAYOUT, body, demand, _payout)

    def _ask_payout(self, demand: Demand) -> Reply:
        return self._ask(PAYOUT, PAYOUTS, demand, "payout", _payout)

    def _submit(self, path: str, body: Mapping[str, str] | None, demand: Demand, found: Found) -> Reply:
        headers = {"Idempotency-Key": uuid4_of(demand.reference)}

        def understand(answer: Answer) -> Reply:
            match answer.status:
                case 200 | 201 | 202 | 204:
                    return found(answer.body, demand)
                case 400:
                    return refused(answer)
                case 409:  # they have this key already
                    return Pending()
                case _:
                    return unclear(answer)

        return read(self._client.call("POST", path, body, headers), understand)

    def _ask(self, path: str, search: str, demand: Demand, key: str, found: Found) -> Reply:
        """Asks by their id where we know it, and otherwise by our reference.

        key: of their id in what is known.
        """
        known = demand.known.get(key)
        by_ours = f"{search}/search?client_reference={quote(demand.reference, safe='')}"
        answer = self._client.call("GET", f"{path}/{quote(known, safe='')}" if known else by_ours)

        def understand(answer: Answer) -> Reply:
            if answer.status == 404:
                return NotFound()
            listed = [answer.body] if known else answer.body.get("result")
            if answer.status != 200 or not isinstance(listed, list):
                return unclear(answer)
            if len(listed) > 1:
                return Mismatch("several requests of this reference")
            return found(listed[0], demand) if listed else NotFound()

        return read(answer, understand)

    def _session(self, session: Mapping[str, Any], demand: Demand) -> Reply:
        if not isinstance(session, dict) or not isinstance(session.get("id"), str):
            return Unknown("no session")
        if differs := _other(session, demand, "amount", "restrict_payer_mobile"):
            return differs
        known = {"session": session["id"]}
        url = web_address(session.get("wave_launch_url"))
        waiting = Pending({**known, "redirect": url} if url else known)
        match session.get("payment_status"), session.get("checkout_status"):
            case "succeeded", _:
                return Confirmed({**known, "transaction_id": str(session.get("transaction_id") or "")})
            case (("processing" | "cancelled"), "open"):  # the payer may still try again
                return waiting
            case "processing", "complete":
                return waiting
            case "processing", "expired" if not self._is_over(session.get("when_expires")):
                return waiting
            case (("processing" | "cancelled"), ("complete" | "expired")):
                return Declined("not_approved", _reason(session.get("last_payment_error"), "code"))
            case _:
                return Unknown("a session that does not say its state")

    def _is_over(self, expires: object) -> bool:
        try:
            return (self._clock.now() - from_rfc3339(str(expires))).total_seconds() >= ENDED_AFTER_S
        except (ValueError, TypeError):
            return False


def _refunding(session: Mapping[str, Any], demand: Demand) -> Reply:
    """The answer to a refund need not hold the session."""
    return Confirmed() if session.get("when_refunded") else Pending()


def _refunded(session: Mapping[str, Any], demand: Demand) -> Reply:
    assert demand.debit is not None
    if not isinstance(session.get("id"), str):
        return Unknown("no session")
    if differs := _other(session, demand.debit, "amount", "restrict_payer_mobile"):
        return differs
    return Confirmed() if session.get("when_refunded") else NotFound()


def _payout(payout: Mapping[str, Any], demand: Demand) -> Reply:
    if not isinstance(payout, dict) or not isinstance(payout.get("id"), str):
        return Unknown("no payout")
    if differs := _other(payout, demand, "receive_amount", "mobile"):
        return differs
    match payout.get("status"):
        case "succeeded":
            return Confirmed({"payout": payout["id"]})
        case "processing":
            return Pending({"payout": payout["id"]})
        case ("failed" | "reversed") as status:
            return Declined("declined", _reason(payout.get("payout_error"), "error_code") or {"reason": status})
        case _:
            return Unknown("a payout that does not say its state")


def _other(found: Mapping[str, Any], demand: Demand, amount: str, phone: str) -> Reply | None:
    """Returns what is wrong where a session or a payout is not that of the demand; None where it is."""
    if found.get("client_reference") not in (None, demand.reference):
        return Unknown("another reference")
    currency = found.get("currency") or demand.currency
    if found.get(amount) is None:
        return Unknown("no amount")
    if not same_amount(found.get(amount), format_minor(demand.minor, demand.currency)) or currency != demand.currency:
        return Mismatch("another amount")
    return Mismatch("another phone") if found.get(phone) and not same_phone(found[phone], demand.phone) else None


def _reason(error: object, key: str) -> dict[str, str]:
    return {"reason": str(error[key])[:128]} if isinstance(error, dict) and error.get(key) else {}


def _refunded_as(refund: Demand) -> str:
    """A whole refund is one of the session; a part is a payout."""
    whole = refund.debit is not None and refund.debit.minor == refund.minor
    return by_known("session", refund.debit) if whole else refund.reference
