"""One operator at the sandbox, our engine and its adapter, in one process and on one clock that only the test moves."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from core.broker.embedded import EmbeddedBroker
from core.callback_signatures import SIGNED
from core.callbacks import Callbacks
from core.dialects import DIALECTS
from core.ids import new_id
from core.operation import Operation, Status, redirect_of
from core.operators import SANDBOX, OperatorSettings
from core.store.memory import MemoryStore
from core.store.port import OPERATIONS, Document
from mock_api.callbacks import Message, Sender
from mock_api.dialects.airtel_pin import PUBLIC_KEY
from mock_api.settings import Settings
from proof.simulation.chance import Crash
from tests.answers import client_of
from tests.doubles import FakeClock
from tests.sandbox import make_app
from worker.decide import WORKABLE
from worker.engine import Engine
from worker.mobile_money import Payee, Payer, Refund, debit, pay_out
from worker.partners.breaker import Breaker
from worker.partners.http import Answer, PartnerHttp
from worker.partners.operators.dialects import ADAPTERS
from worker.partners.operators.port import Operator
from worker.partners.port import Declined, Unavailable, Unknown
from worker.policy import Policy
from worker.process import REPEATABLE, Process, Stages, Step

OURS = "https://us.invalid"
TIMEOUT_S = 15
SETTLE_WINDOW_S = 30
LONGEST = timedelta(days=3)
ROUND_S = 1.0
HURRIED_S = 600
"""For so long the world is looked at every second; later, when the operation is due."""
KIND = "conformance"

MARKETS: Mapping[str, tuple[str, str, int]] = {
    "generic": ("+2250507000011", "XOF", 15000),
    "mtn": ("+2250507000011", "XOF", 15000),
    "gsma": ("+2250507000011", "XOF", 15000),
    "mvola": ("+261340000011", "MGA", 15000_00),
    "airtel": ("+243977000011", "CDF", 15000_00),
    "orange-cm": ("+237699000011", "XAF", 15000),
    "orange-webpay": ("+2250707000011", "XOF", 15000),
    "daraja": ("+254708000011", "KES", 15000_00),
    "wave": ("+221770000011", "XOF", 15000),
}
"""A phone, a currency, and an amount in minor units of each dialect's market."""


MORE: Mapping[str, Mapping[str, str]] = {
    "daraja": {"INITIATOR": SANDBOX, "SECURITY_CREDENTIAL": SANDBOX},
    "airtel": {"PIN": "1234", "PUBLIC_KEY": PUBLIC_KEY},
}
"""Options that have to be set for all that a dialect can do."""


WITHOUT_REFUNDS = ("mvola", "orange-cm", "orange-webpay")
WITHOUT_PAYOUTS = ("mvola", "orange-cm", "orange-webpay")
CALLED_BACK_ONLY = ("daraja", "orange-webpay")
"""Dialects that require a callback URL."""
REDIRECTS = ("orange-webpay", "wave")


class InProcessHttp(PartnerHttp):
    """The sandbox's app, called without a socket. A call that takes longer than the timeout has no answer."""

    def __init__(self, app: Flask, prefix: str, clock: FakeClock) -> None:
        super().__init__("http://sandbox.invalid", TIMEOUT_S, 1, ())
        self._app, self._prefix, self._clock = app, prefix, clock
        self.passed: Callable[[], None] = lambda: None
        """Called before each request, and after each answer."""

    def exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **other: Any,
    ) -> Answer | Unknown | Unavailable:
        self.passed()
        began = self._clock.now()
        data = form if raw is None else raw
        sent: dict[str, Any] = {"json": body} if body is not None else {"data": data} if data is not None else {}
        try:
            answer = client_of(self._app).open(f"{self._prefix}{path}", method=method, headers=headers or {}, **sent)
            text = answer.data
        except ConnectionResetError:
            return Unknown("connection lost", said={"failure": "connection lost"})
        if (self._clock.now() - began).total_seconds() > TIMEOUT_S:
            return Unknown("no answer in time", said={"failure": "no answer in time"})
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        self.passed()
        wait_s = answer.headers.get("Retry-After", "0")
        return Answer(answer.status_code, content if isinstance(content, dict) else {}, float(wait_s), text)


class WatchedStore(MemoryStore):
    """A store that tells when an operation is saved."""

    passed: Callable[[], None] = staticmethod(lambda: None)
    """Called after each save of a worker. Before it is where the call before has been answered."""

    def replace(self, collection: str, document: Document) -> Document:
        saved = super().replace(collection, document)
        if collection == OPERATIONS:
            self.passed()
        return saved


class Trial:
    """One operation at one operator of the sandbox."""

    def __init__(
        self,
        dialect: str,
        folder: Path,
        *,
        calls_back: bool = True,
        more: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        """more: options of the operator; settings: of the sandbox."""
        self.dialect, self._more = dialect, more or {}
        self.clock = FakeClock()
        self.store = WatchedStore()
        broker = EmbeddedBroker(self.store, self.clock, folder=folder)
        self.callbacks = Callbacks(self.store, broker, self.clock, ["s" * 32])
        quiet = {"latency_max_s": 0, "timeout_rate": 0, "seed": "one", "var_dir": folder, **settings}
        quiet["auto_approve"] = dialect not in REDIRECTS
        self.payer_comes, self.died = True, False
        self.app = make_app(
            Settings(**quiet),
            clock=lambda: self.clock.now().timestamp(),
            sleep=self.clock.tick,
            post=self._receive,
        )
        self.phone, self.currency, self.minor = MARKETS[dialect]
        prefix = "operator" if dialect == "generic" else dialect
        self.http = InProcessHttp(self.app, f"/{prefix}", self.clock)
        self.engine, self.id = self._engine(OURS if calls_back else ""), ""
        self.flow: Callable[[Operation], Stages] = self.debit
        self.saving: Callable[[], None] = lambda: None

    def _engine(self, host: str) -> Engine:
        needs = DIALECTS[self.dialect]
        credentials = dict.fromkeys(needs.credentials, SANDBOX)
        self.options = {**needs.options, **credentials, **MORE.get(self.dialect, {}), **self._more}
        url = "http://sandbox.invalid"
        configured = OperatorSettings(self.dialect, self.dialect, url, options=self.options, callback_host=host)
        self.operator = Operator(
            self.dialect,
            ADAPTERS[self.dialect](configured, self.http, self.clock),
            Breaker(self.dialect, self.clock, 4),
            self.clock,
            SETTLE_WINDOW_S,
            partial(self.callbacks.url, host, self.dialect),
            partial(self.callbacks.about, self.dialect),
        )
        return Engine(
            store=self.store,
            clock=self.clock,
            processes={KIND: Process(KIND, self._stages)},
            policy=Policy(settle_window_s=SETTLE_WINDOW_S),
            worker="worker-1",
            call_s=TIMEOUT_S,
            jitter=lambda: 1.0,
            gather=lambda calls: [call() for call in calls],
        )

    def _stages(self, operation: Operation) -> Stages:
        return self.flow(operation)

    def restart(self) -> None:
        """Puts another worker in the place of this one, which knows only what is stored."""
        self.died = True
        self.engine = self._engine(OURS)

    def debit(self, operation: Operation) -> Stages:
        return debit(self.operator, operation, "debit", Payer(self.phone, self.minor, self.currency, "L'été 2026"))

    def debit_and_refund(self, operation: Operation) -> Stages:
        """A debit whose next step is refused, so that the money is given back."""
        refusing = Step("refuse", "refusing", submit=lambda _: Declined("refused"), recovery=REPEATABLE)
        refund = Refund("refund", "giving back", lambda _: self.minor)
        payer = Payer(self.phone, self.minor, self.currency, "Fines")
        return *debit(self.operator, operation, "debit", payer, refund), (refusing,)

    def payout(self, operation: Operation) -> Stages:
        return ((pay_out(self.operator, "payout", Payee(self.phone, self.minor, self.currency, "Refund")),),)

    def faults(self, *rules: Mapping[str, Any]) -> None:
        answer = client_of(self.app).post("/_faults", json=list(rules))
        assert answer.status_code == 200, answer.text

    def start(self) -> None:
        now = self.clock.now()
        operation = Operation(new_id(), KIND, {"msisdn": self.phone}, now, now, due_at=now)
        self.store.insert(OPERATIONS, operation.to_document())
        self.id = operation.id

    @property
    def operation(self) -> Operation:
        document = self.store.get(OPERATIONS, self.id)
        assert document is not None
        return Operation.from_document(document)

    def run(self, until: Callable[[Operation], bool] = lambda operation: False) -> Operation:
        """Lives until the operation has ended, waits for a person, or is as `until` wants it."""
        if not self.id:
            self.start()
        began = self.clock.now()
        sender: Sender = self.app.extensions["sender"]
        while self.operation.status in WORKABLE and not until(self.operation):
            try:
                self.store.passed = self.saving
                self.engine.advance(self.id)
            except Crash:
                self.restart()
            self.store.passed = lambda: None
            sender.run_once()
            self._confirm()
            waited = self.clock.now() - began
            assert waited < LONGEST, f"{self.operation.status} after {waited}"
            due_at, hurried = self.operation.due_at, waited.total_seconds() < HURRIED_S
            next_s = (due_at - self.clock.now()).total_seconds() if due_at else 0
            self.clock.tick(ROUND_S if hurried else max(ROUND_S, next_s))
        return self.operation

    def _confirm(self) -> None:
        """The payer confirms on the operator's page, as soon as we show it to them."""
        page = redirect_of(self.operation) if self.payer_comes else None
        if page is not None:
            path = page.removeprefix("http://localhost")
            if client_of(self.app).get(path).status_code == 200:
                client_of(self.app).post(path, data={"action": "confirm"})

    def truth(self, name: str) -> list[dict[str, Any]]:
        """What really happened, of one list."""
        return list(client_of(self.app).get("/_truth").json[name])

    def _receive(self, message: Message) -> int:
        path = message.url.removeprefix(OURS).split("/")
        if len(path) == 4 and path[1] == "callbacks":
            self.callbacks.receive(path[2], path[3], message.body)
        if len(path) == 3 and path[1] == "callbacks":
            header, read = SIGNED[path[2]]
            reference = read(self.options, message.headers.get(header, ""), message.body, self.clock.now())
            if reference is not None:
                self.callbacks.keep(path[2], reference, message.body)
        return 200


def assert_agrees(trial: Trial) -> None:
    """Fails unless the money moved at most once, and the end agrees with what really happened."""
    operation = trial.operation
    debits, refunds, payouts = (trial.truth(name) for name in ("debits", "refunds", "payouts"))
    for rows in (debits, refunds, payouts):
        assert len(rows) <= 1, rows
    taken, given = debits or payouts, refunds
    match operation.status:
        case Status.SUCCEEDED:
            assert taken, operation.history
            assert not given
        case Status.FAILED:
            assert not taken, operation.history
        case Status.REFUNDED:
            assert taken, operation.history
            assert given
        case Status.NEEDS_REVIEW:
            pass
        case _:
            raise AssertionError(operation.status)
    _assert_evidence(trial, operation)


def _assert_evidence(trial: Trial, operation: Operation) -> None:
    """Each step that called the operator shows what it said, and no phone."""
    for name, record in operation.steps.items():
        by_hand = "refund_by_hand" in str(record.last_error)
        if name in ("debit", "refund", "payout") and record.attempts and not by_hand:
            # The debit of WebPay is the payer's own doing; a worker that died took with it what it had heard.
            assert record.calls or trial.dialect == "orange-webpay" or trial.died, name
            words = json.dumps([call.to_document() for call in record.calls])
            assert trial.phone.removeprefix("+") not in words
            assert all(call.said for call in record.calls)
