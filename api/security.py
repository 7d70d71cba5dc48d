"""What of the API's requests comes into the security log: sign-ins, refusals, credentials, and what roles change."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, request

from api.auth.callers import ACTING_FOR, RANK, Caller
from api.http.context import core
from api.http.correlation import request_id
from core.rates import TooManyRequests
from core.settings import ADMIN_TOKEN, ANONYMOUS

ACTS: Mapping[str, str] = {
    "people.Registration": "registration",
    "people.Token": "sign-in",
    "phones.OwnPhone": "phone named",
    "phones.PhoneCode": "code sent",
    "phones.PhoneProof": "phone proven",
    "credentials.Password": "password changed",
    "credentials.ResetCode": "code sent",
    "credentials.Reset": "password reset",
    "credentials.Pin": "pin changed",
    "credentials.Logout": "sign-out",
    "factors.Factor": "second factor",
    "factors.FactorConfirmation": "second factor",
    "decisions.decide_operation": "decision",
    "decisions.approve_decision": "decision approved",
    "decisions.reject_decision": "decision rejected",
}
"""What is always noted, by endpoint. A view may say in `g.act` that it is something else."""
REFUSED = (401, 403, 429)
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
OF_STRANGERS = ("refusal", "registration", "sign-in")
"""What anybody can have noted without limit. It is kept where it concerns an account or a key that exists."""
MAX_NAME = 64


def watch(app: Flask) -> None:
    """Notes what concerns security, after each request of the app."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    what = g.get("act") or ACTS.get(request.endpoint or "")
    caller: Caller | None = g.get("caller")
    if what is None:
        if response.status_code in REFUSED:
            what = "refusal"
        elif request.method in CHANGING and caller is not None and caller.role in RANK and RANK[caller.role] > 0:
            what = "act of a role"
        else:
            return response
    outcome = _outcome(response)
    known = caller is not None or g.get("account") is not None or what not in OF_STRANGERS
    core().security_log.note(
        what,
        who=_who(caller),
        where=request.remote_addr or "",
        on=f"{request.method} {request.path}",
        outcome=outcome,
        request=request_id(),
        kept=known and outcome != TooManyRequests.code,  # what it follows is kept, and a flood is not
    )
    return response


def _who(caller: Caller | None) -> str:
    if caller is None:
        return g.get("account") or ANONYMOUS
    if caller.id == ADMIN_TOKEN and (named := request.headers.get(ACTING_FOR)):
        shown = "".join(letter for letter in named if letter.isprintable())
        return f"{ADMIN_TOKEN} for {shown[:MAX_NAME]}"
    return caller.id


def _outcome(response: Response) -> str:
    if response.status_code < 400:
        return "done"
    problem: Any = response.get_json(silent=True)
    return str(problem.get("code", response.status_code)) if isinstance(problem, dict) else str(response.status_code)
