"""Partners to check on a clock that only sleeping moves: the sandbox's faces, and one as bad as a test wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.operators import OperatorSettings
from ops.partner.check import Report
from ops.partner.connection import with_wrong_credentials
from ops.partner.subject import Reached, Row, Subject, Verdict
from tests.answers import client_of
from tests.conformance.kit import OURS, Trial
from tests.doubles import FakeClock
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.port import Demand, Service
from worker.partners.port import Confirmed, NotFound, Pending, Reply

URL = "http://sandbox.invalid"


def sandbox(dialect: str, folder: Path, *, counted: bool = True, **changes: Any) -> tuple[Subject, Trial]:
    """A face of the sandbox, and the trial that it is part of.

    counted: whether the sandbox shows its record.
    """
    trial = Trial(dialect, folder)
    operator = OperatorSettings(dialect, dialect, URL, options=trial.options, callback_host=OURS)
    wrong = with_wrong_credentials(operator)
    named = {
        "operator": operator,
        "dialect": trial.operator.dialect,
        "wrong": ADAPTERS[dialect](wrong, trial.http, trial.clock) if wrong else None,
        "phone": trial.phone,
        "minor": trial.minor,
        "currency": trial.currency,
        "record": (lambda: client_of(trial.app).get("/_truth").json) if counted else (lambda: None),
        "show": lambda page, text: confirm(trial, page),
    }
    return subject(trial.clock, **{**named, **changes}), trial


def confirm(trial: Trial, page: str) -> None:
    """The payer confirms on the operator's page, if there is one that still waits."""
    path = page.removeprefix("http://localhost")
    if path and client_of(trial.app).get(path).status_code == 200:
        client_of(trial.app).post(path, data={"action": "confirm"})


def subject(clock: FakeClock, **changes: Any) -> Subject:
    """A subject of the generic dialect, unless changes say otherwise."""
    named: dict[str, Any] = {
        "operator": OperatorSettings("op", "generic", URL),
        "wrong": None,
        "phone": "+2250707000011",
        "minor": 100,
        "currency": "XOF",
        "clock": clock,
        "sleep": clock.tick,
        "longest_s": 180,
        "reach": lambda: Reached("TCP in 1 ms"),
        "skew_s": lambda: 0.0,
    }
    return Subject(**{**named, **changes})


class Partner:
    """A partner without a record that can be read. By default it keeps the contract.

    lag_s: how long its status denies a new reference. approval_s: how long a debit is pending.
    idempotent: whether it debits a reference once.
    answer: changes what it answers to the nth request of a reference, from 1.
    status: changes what it answers to an enquiry.
    """

    def __init__(
        self,
        *,
        lag_s: float = 0,
        approval_s: float = 0,
        idempotent: bool = True,
        answer: Callable[[int, Reply], Reply] = lambda nth, reply: reply,
        status: Callable[[int, Reply], Reply] = lambda nth, reply: reply,
    ) -> None:
        self.clock = FakeClock()
        self.debited: list[tuple[str, int]] = []
        self.debits = Service(self._debit, self._ask)
        self.refunds: Service | None = None
        self.payouts: Service | None = None
        self._approval_s = approval_s
        self._lag_s, self._idempotent, self._answer, self._status = lag_s, idempotent, answer, status
        self._first: dict[str, float] = {}
        self._requests: dict[str, int] = {}
        self._asked = 0

    @property
    def subject(self) -> Subject:
        return subject(self.clock, dialect=self)

    def _debit(self, demand: Demand) -> Reply:
        known = [index for index, (reference, _) in enumerate(self.debited) if reference == demand.reference]
        if not known or not self._idempotent:
            self.debited.append((demand.reference, demand.minor))
            known = [len(self.debited) - 1]
        self._first.setdefault(demand.reference, self.clock.now().timestamp())
        nth = self._requests[demand.reference] = self._requests.get(demand.reference, 0) + 1
        return self._answer(nth, self._state(demand.reference, known[0]))

    def _ask(self, demand: Demand) -> Reply:
        self._asked += 1
        sent = self._first.get(demand.reference)
        if sent is None or self.clock.now().timestamp() - sent < self._lag_s:
            return self._status(self._asked, NotFound(said={"http": 404}))
        first = next(index for index, (reference, _) in enumerate(self.debited) if reference == demand.reference)
        return self._status(self._asked, self._state(demand.reference, first))

    def _state(self, reference: str, index: int) -> Reply:
        if self.clock.now().timestamp() - self._first[reference] < self._approval_s:
            return Pending(said={"http": 202})
        return Confirmed({"transaction_id": f"TX{index}"}, said={"http": 200})


def row(report: Report, name: str) -> Row:
    (found,) = (row for row in report.rows if row.name == name)
    return found


def verdicts(report: Report) -> dict[str, Verdict]:
    return {row.name: row.verdict for row in report.rows}
