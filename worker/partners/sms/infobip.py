"""Infobip: its SMS API, version 3. Source: infobip.com/docs/api.

It takes our id of a message and can be asked by it for 48 hours. The same id again is another message: only a message
that it does not have is sent again.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Confirmed, Declined, NotFound, Reply, Unknown
from worker.partners.sms.port import only_one, read

TAKEN = frozenset({"PENDING", "DELIVERED"})
REFUSALS: Mapping[str, str] = {"REJECTED": "declined", "UNDELIVERABLE": "not_delivered", "EXPIRED": "not_delivered"}
"""Our codes, by the group of a status."""


class InfobipSms:
    """Sends through Infobip.

    key: of the account's API.
    sender: shown as the sender of the message.
    """

    known_for_s: float = 48 * 3600
    repeats = False

    def __init__(self, http: PartnerHttp, breaker: Breaker, *, key: str, sender: str) -> None:
        self.breaker: Breaker | None = breaker
        self.enquire: Callable[[str], Reply] | None = self._ask
        self._http = http
        self._headers = {"Authorization": f"App {key}", "Accept": "application/json"}
        self._sender = sender

    def send(self, reference: str, to: str, text: str) -> Reply:
        message = {
            "sender": self._sender,
            "destinations": [{"to": to.removeprefix("+"), "messageId": reference}],
            "content": {"text": text},
        }
        answer = self._http.exchange("POST", "/sms/3/messages", {"messages": [message]}, headers=self._headers)
        return read(answer, lambda answer: _status(only_one(answer.body, "messages"), reference))

    def _ask(self, reference: str) -> Reply:
        path = f"/sms/3/logs?messageId={quote(reference, safe='')}"
        answer = self._http.exchange("GET", path, headers=self._headers)
        if isinstance(answer, Answer) and answer.status == 400:
            return Unknown("HTTP 400", said=answer.said)  # of the enquiry, and not of the message
        return read(answer, lambda answer: _logged(answer, reference))


def _logged(answer: Answer, reference: str) -> Reply | None:
    """A message that was sent twice has two entries: it was sent if one of them says so."""
    entries = answer.body.get("results")
    if entries == []:
        return NotFound()
    replies = [_status(entry, reference) for entry in entries] if isinstance(entries, list) else []
    return next((reply for reply in replies if isinstance(reply, Confirmed)), replies[0] if replies else None)


def _status(message: object, reference: str) -> Reply | None:
    """Returns what the gateway says of this message; None for another one."""
    match message:
        case {"messageId": id, "status": {"groupName": str(group)}} if id == reference and group in TAKEN:
            return Confirmed({"message_id": reference})
        case {"messageId": id, "status": {"groupName": str(group)}} if id == reference and group in REFUSALS:
            return Declined(REFUSALS[group], {"reason": group})
        case _:
            return None
