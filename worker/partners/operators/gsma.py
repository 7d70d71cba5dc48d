"""The GSMA Mobile Money API 1.2: debits, reversals and disbursements.

The client's correlation id, a UUID that stands for our reference, is the same on every attempt: the operator rejects a
request that it has already processed, and reports the outcome under this id.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import quote, unquote

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.money import format_minor
from core.operators import OperatorSettings
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import Client, by_uuid4, read, unclear, uuid4_of
from worker.partners.operators.gsma_answers import Expected, failed, status_of, submitted, text_of, transaction
from worker.partners.operators.port import Demand, Holder, Service, Verb
from worker.partners.port import Declined, NotFound, Pending, Reply, Unavailable, Unknown

MAX_TEXT_CHARS = 160
LINK = re.compile(r"/transactions/([^/?#]{1,128})")


class Gsma:
    def __init__(self, operator: OperatorSettings, http: PartnerHttp, clock: Clock) -> None:
        identified = {"X-API-Key": operator.options["KEY"], "X-Client-Id": operator.options["CLIENT_ID"]}
        self._client = Client(http, clock, headers={name: value for name, value in identified.items() if value})
        self._clock = clock
        self._account = [{"key": "accountid", "value": operator.options["ACCOUNT"]}]
        self.debits = self._service(self._debit, lambda demand: _expected(demand, "debitParty"))
        self.refunds: Service | None = self._service(self._reverse, _reversed)
        self.payouts: Service | None = self._service(self._disburse, lambda demand: _expected(demand, "creditParty"))

    def _service(self, submit: Verb, expected: Callable[[Demand], Expected]) -> Service:
        """expected: returns what a status has to agree with."""
        return Service(submit, lambda demand: self._ask(demand, expected(demand)), recorded_as=by_uuid4)

    def holder(self, phone: str) -> Holder | Unavailable:
        """Returns the owner of an account.

        phone: in E.164 form.
        """
        account = f"/accounts/msisdn/{phone}"
        state = self._client.look(f"{account}/status", {"X-Date": self._now()})
        if isinstance(state, Unavailable):
            return state
        named = self._client.look(f"{account}/accountname", {"X-Date": self._now()})
        name = named.body.get("name") if isinstance(named, Answer) else None
        available = (status_of(state.body, "accountStatus") or status_of(state.body, "status")) == "available"
        return Holder(state.status == 200 and available, _name(name) if isinstance(name, dict) else None)

    def _debit(self, demand: Demand) -> Reply:
        parties = {"debitParty": _party(demand), "creditParty": self._account}
        body = {**self._money(demand), **parties}
        return self._submit("/transactions/type/merchantpay", demand, body, _expected(demand, "debitParty"))

    def _disburse(self, demand: Demand) -> Reply:
        parties = {"debitParty": self._account, "creditParty": _party(demand)}
        body = {**self._money(demand), **parties}
        return self._submit("/transactions/type/disbursement", demand, body, _expected(demand, "creditParty"))

    def _reverse(self, demand: Demand) -> Reply:
        expected = _reversed(demand)
        if not expected.original:
            return Declined("refund_by_hand")
        body = {"type": "reversal", "amount": expected.amount, "currency": demand.currency}
        return self._submit(f"/transactions/{quote(expected.original, safe='')}/reversals", demand, body, expected)

    def _submit(self, path: str, demand: Demand, body: Mapping[str, Any], expected: Expected) -> Reply:
        sent = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Content-Hash": hashlib.sha256(sent).hexdigest()}
        if demand.callback_url:
            headers["X-Callback-URL"] = demand.callback_url
        answer = self._client.call("POST", path, sent, headers | self._stamp(demand))
        return read(answer, lambda answer: submitted(answer, expected))

    def _ask(self, demand: Demand, expected: Expected) -> Reply:
        """Asks by the operator's id of the request while that may be polled, and otherwise by ours."""
        if not self._may_poll(demand.known):
            return self._recover(demand, expected)
        answer = self._get(f"/requeststates/{quote(demand.known['server_correlation_id'], safe='')}", demand)
        return read(answer, lambda answer: self._state(answer, demand, expected))

    def _may_poll(self, known: Mapping[str, Any]) -> bool:
        polled_out = "poll_limit" in known and known.get("polls", 0) >= known["poll_limit"]
        return "server_correlation_id" in known and not polled_out and not self._past(known.get("expires_at", ""))

    def _past(self, text: str) -> bool:
        """Whether a time of the operator has passed; what is no time never passes."""
        try:
            moment = from_rfc3339(text)
        except ValueError:
            return False
        return self._clock.now() >= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def _state(self, answer: Answer, demand: Demand, expected: Expected) -> Reply:
        match answer.status, status_of(answer.body, "status"):
            case 200, "pending":
                return Pending({"polls": demand.known.get("polls", 0) + 1})
            case 200, "failed":
                return failed(answer.body)
            case 200, "completed" if reference := text_of(answer.body, "objectReference"):
                return self._find(reference, demand, expected)
            case (200, "completed") | (404, _):
                return self._recover(demand, expected)
            case _:
                return unclear(answer)

    def _recover(self, demand: Demand, expected: Expected) -> Reply:
        """Asks by our id: the operator answers with the link of the transaction that was made of it."""

        def follow(answer: Answer) -> Reply:
            link = LINK.search(text_of(answer.body, "link"))
            if answer.status == 200 and link:
                return self._find(unquote(link[1]), demand, expected)
            return NotFound() if answer.status == 404 else unclear(answer)

        return read(self._get(f"/responses/{uuid4_of(demand.reference)}", demand), follow)

    def _find(self, reference: str, demand: Demand, expected: Expected) -> Reply:
        def understand(answer: Answer) -> Reply:
            return transaction(answer, expected) if answer.status == 200 else unclear(answer)

        return read(self._get(f"/transactions/{quote(reference, safe='')}", demand), understand)

    def _get(self, path: str, demand: Demand) -> Answer | Unknown | Unavailable:
        return self._client.call("GET", path, headers=self._stamp(demand))

    def _stamp(self, demand: Demand) -> dict[str, str]:
        return {"X-CorrelationID": uuid4_of(demand.reference), "X-Date": self._now()}

    def _now(self) -> str:
        return to_rfc3339(self._clock.now())

    def _money(self, demand: Demand) -> dict[str, str]:
        return {
            "amount": format_minor(demand.minor, demand.currency),
            "currency": demand.currency,
            "requestingOrganisationTransactionReference": demand.reference,
            "descriptionText": demand.text[:MAX_TEXT_CHARS],
            "requestDate": self._now(),
        }


def _expected(demand: Demand, party: str) -> Expected:
    return Expected(format_minor(demand.minor, demand.currency), (demand.currency,), demand.phone, party)


def _reversed(demand: Demand) -> Expected:
    """A reversal names the transaction that it reverses, and not always whose money it is."""
    assert demand.debit is not None
    original = text_of(demand.debit.known, "transaction_reference")
    return Expected(format_minor(demand.minor, demand.currency), (demand.currency,), demand.phone, "", original)


def _party(demand: Demand) -> list[dict[str, str]]:
    return [{"key": "msisdn", "value": demand.phone}]


def _name(name: Mapping[str, Any]) -> str | None:
    parts = (name.get("fullName"),) if name.get("fullName") else (name.get("firstName"), name.get("lastName"))
    return " ".join(part for part in parts if isinstance(part, str) and part) or None
