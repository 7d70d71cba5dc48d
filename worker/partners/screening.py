"""A service that screens people: whether somebody is who he says, or is on a list of those to be refused."""

from collections.abc import Mapping

from worker.partners.guard import Guard
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable


class Screening:
    """One service at `path`. passes: its word for those to be let through; fails: our code for each word of refusal."""

    def __init__(self, http: PartnerHttp, guard: Guard, path: str, passes: str, fails: Mapping[str, str]) -> None:
        self.guard = guard
        self._http = http
        self._path = path
        self._passes = passes
        self._fails = fails

    def check(self, reference: str, username: str) -> Reply:
        """What the service says of the username. Has no effect, so it never answers Unknown; no word is no verdict."""
        answer = self._http.look(self._path, {"request_id": reference, "username": username})
        if isinstance(answer, Unavailable):
            return answer
        if answer.status != 200:
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
        match answer.body.get("result"):
            case self._passes:
                return Confirmed()
            case str(word) if word in self._fails:
                return Declined(self._fails[word])
            case _:
                return Unavailable("the screening gave no verdict")


def verification(http: PartnerHttp, guard: Guard) -> Screening:
    """Verifies that a username is that of a person who is known."""
    return Screening(http, guard, "/api/verify", passes="verified", fails={"rejected": "screening_rejected"})


def blacklist(http: PartnerHttp, guard: Guard) -> Screening:
    """Looks a username up among those who are to be refused."""
    return Screening(http, guard, "/api/blacklist/check", passes="clear", fails={"listed": "screening_listed"})
