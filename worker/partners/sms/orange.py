"""Orange: its SMS API, version 1, with a token of OAuth. Source: developer.orange.com.

It gives a message a URL of its own and cannot be asked by our id: after a lost answer, nobody knows whether it was
sent.
"""

from collections.abc import Callable
from urllib.parse import quote

from core.clock import Clock
from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.client import Client, client_credentials
from worker.partners.port import Confirmed, Reply
from worker.partners.sms.port import read, text_of

TOKEN_PATH = "/oauth/v2/token"


class OrangeSms:
    """Sends through Orange.

    client_id, client_secret: of the account.
    sender: the senderAddress, which is a constant of the country, such as `tel:+2250000`.
    name: shown as the sender of the message; "" for none.
    repeats: whether a message is sent again when it may have been sent already.
    """

    enquire: Callable[[str], Reply] | None = None
    known_for_s: float = 0

    def __init__(
        self,
        http: PartnerHttp,
        breaker: Breaker,
        clock: Clock,
        *,
        client_id: str,
        client_secret: str,
        sender: str,
        name: str,
        repeats: bool,
    ) -> None:
        self.breaker: Breaker | None = breaker
        self.repeats = repeats
        tokens = client_credentials(http, clock, TOKEN_PATH, client_id, client_secret)
        self._client = Client(http, clock, tokens)
        self._sender = {"senderAddress": sender, **({"senderName": name} if name else {})}
        self._path = f"/smsmessaging/v1/outbound/{quote(sender, safe='')}/requests"

    def send(self, reference: str, to: str, text: str) -> Reply:
        message = {"address": f"tel:{to}", **self._sender, "outboundSMSTextMessage": {"message": text}}
        return read(self._client.call("POST", self._path, {"outboundSMSMessageRequest": message}), _sent)


def _sent(answer: Answer) -> Reply | None:
    """Orange confirms a message by the URL that it gives to it."""
    request = answer.body.get("outboundSMSMessageRequest")
    url = text_of(request.get("resourceURL") if isinstance(request, dict) else answer.body.get("resourceURL"))
    return Confirmed({"resource_url": url}) if answer.status == 201 and url else None
