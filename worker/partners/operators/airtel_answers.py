"""What Airtel's answers mean. Payments and disbursements have a family of response codes each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.partners.http import Answer
from worker.partners.operators.client import unclear
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply

SUCCESS = "1001"


@dataclass(frozen=True)
class Family:
    """The response codes of one kind of request, by their last four digits.

    prefix: what all of them begin with.
    ambiguous: codes with which not even a failed status counts: a request that timed out may have happened.
    waiting: codes of a request that they have.
    not_found: the code of a request that they do not have, or not yet.
    refusals: our codes.
    """

    prefix: str
    ambiguous: frozenset[str]
    waiting: frozenset[str]
    not_found: str
    refusals: Mapping[str, str]

    @property
    def undecided(self) -> frozenset[str]:
        return self.ambiguous | self.waiting

    def code(self, answer: Answer) -> str:
        """Returns the end of the response_code, "" if there is none that decides."""
        text = str(part(answer.body, "status").get("response_code"))
        found = re.fullmatch(rf"{self.prefix}(1\d{{3}})", text, re.ASCII)
        return found[1] if found and answer.status < 500 else ""

    def refusal(self, code: str) -> Declined | None:
        return Declined(self.refusals[code], {"reason": code}) if code in self.refusals else None


PAYMENTS = Family(
    "DP0080000",
    ambiguous=frozenset({"1000", "1024"}),
    waiting=frozenset({"1006"}),
    not_found="1025",
    refusals={
        "1002": "not_approved",  # wrong PIN
        "1003": "limit_exceeded",
        "1004": "refused_as_invalid",  # the amount
        "1005": "not_approved",  # no PIN entered
        "1007": "insufficient_funds",
        "1008": "declined",
        "1010": "declined",  # not permitted to the payee
        "1026": "operator_misconfigured",  # forbidden
    },
)
PAYOUTS = Family(
    "DP0090000",
    ambiguous=frozenset({"1000", "1014"}),
    waiting=frozenset({"1006", "1011", "1017"}),  # in process; a similar one, and this id, are known already
    not_found="1015",
    refusals={
        "1003": "limit_exceeded",
        "1004": "refused_as_invalid",  # the amount
        "1005": "declined",
        "1007": "insufficient_funds",  # in our account
        "1009": "operator_misconfigured",  # we are no valid initiator
        "1010": "operator_misconfigured",  # we are not allowed to pay
        "1012": "payer_not_found",  # the phone is wrong
        "1013": "declined",
        "1016": "operator_misconfigured",  # forbidden: they require signed messages
        "1018": "operator_misconfigured",
    },
)
WRONG_PIN = frozenset({"ROUTER114", "ROUTER115", "ROUTER116"})
"""Of their router: the PIN, or how it is encrypted, is wrong. The request has gone no further."""


def submitted(answer: Answer) -> Reply:
    """Returns what the answer to a payment means. Success means only that the payer was asked."""
    code = PAYMENTS.code(answer)
    if code in PAYMENTS.undecided or (answer.status == 200 and part(answer.body, "status").get("success") is True):
        return Pending()
    return PAYMENTS.refusal(code) or unclear(answer)


def paid_out(answer: Answer, id: str) -> Reply:
    """Returns what the answer to a disbursement means.

    id: ours.
    """
    status = part(answer.body, "status")
    named = {str(answer.body.get("status_code")), *(str(status.get(key)) for key in ("code", "response_code"))}
    if answer.status < 500 and (wrong := WRONG_PIN & named):
        return Declined("operator_misconfigured", {"reason": min(wrong)})
    reply = status_of(answer, id, PAYOUTS)
    if isinstance(reply, NotFound):
        return unclear(answer)
    decided = isinstance(reply, Confirmed | Declined | Pending)
    return reply if decided else PAYOUTS.refusal(PAYOUTS.code(answer)) or reply


def status_of(answer: Answer, id: str, family: Family) -> Reply:
    """Returns what the status of a payment or a disbursement means.

    id: ours.
    """
    found, code = transaction(answer), family.code(answer)
    status = found.get("status") if answer.status == 200 else None
    if found.get("id") not in (None, id):
        return unclear(answer)
    match status:
        case "TS":
            return Confirmed(their_id(found))
        case "TA" | "TIP":
            return Pending()
        case "TF" | "TE" if code not in (*family.ambiguous, SUCCESS, family.not_found):
            declined = Declined("not_approved" if status == "TE" else "declined", {"reason": str(status)})
            return family.refusal(code) or declined
    if code in family.undecided:
        return Pending()
    return NotFound() if code == family.not_found and "status" not in found else unclear(answer)


def refunded(answer: Answer) -> Reply:
    """Returns what the answer to a refund means."""
    code, found = PAYMENTS.code(answer), transaction(answer)
    if code in PAYMENTS.undecided:
        return Pending()
    succeeded = part(answer.body, "status").get("success") is True and found.get("status") == "SUCCESS"
    if answer.status == 200 and succeeded and code in ("", SUCCESS):
        return Confirmed(their_id(found))
    return PAYMENTS.refusal(code) or unclear(answer)


def transaction(answer: Answer) -> Mapping[str, Any]:
    return part(part(answer.body, "data"), "transaction")


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def their_id(found: Mapping[str, Any]) -> dict[str, str]:
    theirs = found.get("airtel_money_id")
    return {"airtel_money_id": theirs[:128]} if isinstance(theirs, str) and theirs else {}
