"""The page of a payer: of the dialects that send the payer to a page of the operator instead of to the phone."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request

from mock_api.books import Request
from mock_api.dialects.body import BadField, e164
from mock_api.dialects.face import Face
from mock_api.dialects.money import EXPIRED, Times
from mock_api.ledger import PENDING, SUCCESSFUL
from mock_api.phones import ABSENT, SLOW, VERDICTS
from mock_api.trade import Verdict

Answer = Response | tuple[str, int]


@dataclass(frozen=True)
class PayerPage:
    """The page at `path`, whose last part names the request.

    find: returns the request that the last part of the path names, or None.
    times: how long a slow payer takes.
    """

    face: Face
    path: str
    find: Callable[[str], Request | None]
    times: Times

    def mount(self, routes: Blueprint) -> None:
        """Adds the page and its two buttons to the blueprint."""

        @routes.get(f"{self.path}/<token>", endpoint="payer_page")
        def show(token: str) -> Answer:
            found = self.find(token)
            if found is not None and found.status == PENDING and self._clicked(found) is None:
                # A person has come: nothing is approved without them from now on.
                due = float(found.order.content["created_s"]) + self.times.expiry_s
                self.face.desk.ledger.postpone(found.order, due, Verdict(EXPIRED))
            return self._render(found)

        @routes.post(f"{self.path}/<token>", endpoint="payer_answer")
        def answer(token: str) -> Answer:
            found = self.find(token)
            if found is None or found.status != PENDING:
                return self._render(found)
            action, phone = request.form.get("action"), request.form.get("phone", "").replace(" ", "")
            try:
                msisdn = e164(phone, "phone") if phone else found.order.content["msisdn"]
            except BadField as error:
                return self._render(found, str(error))
            if action not in ("confirm", "cancel"):
                return self._render(found, "action must be confirm or cancel")
            return self._act(found, action, msisdn)

    def _act(self, found: Request, action: str, msisdn: str) -> Answer:
        ledger, content = self.face.desk.ledger, found.order.content
        digits = msisdn[-2:]
        if action == "confirm" and digits in (SLOW, ABSENT):
            self.face.desk.notes.put(f"clicked:{self.face.name}:{found.order.request_id}", "1")
            slow = digits == SLOW
            due = ledger.now() + (self.times.pending_s if slow else self.times.expiry_s)
            ledger.postpone(found.order, due, Verdict(None if slow else EXPIRED))
            return self._render(found)
        refusal = Verdict("NOT_APPROVED")
        verdict = Verdict(VERDICTS.get(digits, Verdict()).reason) if action == "confirm" else refusal
        done = ledger.conclude(found.order, verdict, {"msisdn": msisdn})
        paid = done is not None and done.status == SUCCESSFUL
        return Response(status=303, headers={"Location": content["success_url" if paid else "error_url"]})

    def _clicked(self, found: Request) -> str | None:
        return self.face.desk.notes.get(f"clicked:{self.face.name}:{found.order.request_id}")

    def _render(self, found: Request | None, problem: str = "") -> tuple[str, int]:
        status = 404 if found is None else 400 if problem else 200
        return render_template("payer.html", found=found, problem=problem, dialect=self.face.name), status
