"""Screening services: one verifies a person's username, one looks it up on a blacklist."""

from collections.abc import Mapping

from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable


class Screening:
    """One screening service.

    path: of its check.
    passes: its result for a person who may pay.
    fails: our code for each of its results that refuse a person.
    """

    def __init__(self, http: PartnerHttp, breaker: Breaker, path: str, passes: str, fails: Mapping[str, str]) -> None:
        self.breaker = breaker
        self._http = http
        self._path = path
        self._passes = passes
        self._fails = fails

    def check(self, reference: str, username: str) -> Reply:
        """Checks the username. Never returns Unknown, as it has no effect: without a verdict, it is Unavailable."""
        answer = self._http.look(self._path, {"request_id": reference, "username": username})
        if isinstance(answer, Unavailable):
            return answer
        if answer.status != 200:
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
        match answer.body.get("result"):
            case self._passes:
                return Confirmed()
            case str(result) if result in self._fails:
                return Declined(self._fails[result])
            case _:
                return Unavailable("the screening returned no verdict")


def verification(http: PartnerHttp, breaker: Breaker) -> Screening:
    """Returns the service that verifies usernames."""
    return Screening(http, breaker, "/api/verify", passes="verified", fails={"rejected": "screening_rejected"})


def blacklist(http: PartnerHttp, breaker: Breaker) -> Screening:
    """Returns the service that looks usernames up on a blacklist."""
    return Screening(http, breaker, "/api/blacklist/check", passes="clear", fails={"listed": "screening_listed"})
