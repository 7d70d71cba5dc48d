"""The contract of every partner of ours, for gateways that build their side to it.

`POST {SMS_URL}/messages` takes `request_id`, `to` (E.164) and `text`, and answers `{"request_id", "status"}`. The same
request id gets the same answer. `GET {SMS_URL}/requests/<request_id>` answers the same.
"""

import math
from collections.abc import Callable

from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Reply


class HttpSms:
    """Sends through a gateway that speaks our contract."""

    REASONS = ("INVALID_NUMBER",)
    known_for_s: float = math.inf
    repeats = False

    def __init__(self, http: PartnerHttp, breaker: Breaker) -> None:
        self.breaker: Breaker | None = breaker
        self._http = http
        self.enquire: Callable[[str], Reply] | None = http.enquire

    def send(self, reference: str, to: str, text: str) -> Reply:
        return self._http.submit("POST", "/messages", {"request_id": reference, "to": to, "text": text})
