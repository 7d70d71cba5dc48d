"""Africa's Talking: its messaging API, version 1. Source: developers.africastalking.com.

It gives a message its own id and cannot be asked by ours: after a lost answer, nobody knows whether it was sent.
"""

from collections.abc import Callable, Mapping

from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unknown
from worker.partners.sms.port import only_one, read, text_of

TAKEN = frozenset({100, 101, 102})
"""Processed, sent and queued: the gateway has the message, and sends it."""
REFUSALS: Mapping[int, str] = {
    401: "declined",
    402: "sender_not_accepted",
    403: "invalid_number",
    404: "invalid_number",
    405: "no_credit",
    406: "number_blocked",
    407: "not_routable",
    409: "number_blocked",
}
"""Our codes, by the status code of the recipient. 500 to 502 say nothing about the message."""
REFUSED_WITHOUT_RECIPIENT: Mapping[str, str] = {
    "Insufficient Balance": "no_credit",
    "InvalidSenderId": "sender_not_accepted",
}
"""Our codes, by the message of an answer without a recipient; any other one is `declined`."""


class AfricasTalkingSms:
    """Sends through Africa's Talking.

    user, key: of the account.
    sender: the sender id; "" for the account's default.
    repeats: whether a message is sent again when it may have been sent already.
    """

    enquire: Callable[[str], Reply] | None = None
    known_for_s: float = 0

    def __init__(self, http: PartnerHttp, breaker: Breaker, *, user: str, key: str, sender: str, repeats: bool) -> None:
        self.breaker: Breaker | None = breaker
        self.repeats = repeats
        self._http = http
        self._user = user
        self._headers = {"apiKey": key, "Accept": "application/json"}
        self._sender = {"from": sender} if sender else {}

    def send(self, reference: str, to: str, text: str) -> Reply:
        form = {"username": self._user, "to": to, "message": text, **self._sender}
        return read(self._http.exchange("POST", "/version1/messaging", form=form, headers=self._headers), _sent)


def _sent(answer: Answer) -> Reply | None:
    data = answer.body.get("SMSMessageData")
    if not isinstance(data, dict):
        return None
    if data.get("Recipients") == []:
        reason = text_of(data.get("Message"))
        return Declined(REFUSED_WITHOUT_RECIPIENT.get(reason, "declined"), {"reason": reason})
    recipient = only_one(data, "Recipients")
    return None if recipient is None else _status(recipient)


def _status(recipient: Mapping[str, object]) -> Reply | None:
    match recipient.get("statusCode"):
        case int() as code if code in TAKEN:
            return Confirmed({"message_id": text_of(recipient.get("messageId"))})
        case int() as code if code in REFUSALS:
            return Declined(REFUSALS[code], {"reason": text_of(recipient.get("status"))})
        case int() as code:
            return Unknown(f"status code {code}")
        case _:
            return None
