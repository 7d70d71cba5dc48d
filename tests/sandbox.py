"""A sandbox to test with: no network, and its time passes only when it sleeps or a test moves it."""

import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from mock_api.app import DIALECTS, create_app
from mock_api.callbacks import Message, Sender
from mock_api.dialects.face import Dialect
from mock_api.settings import Settings
from tests.answers import Answer, client_of

Json = dict[str, Any]


def make_app(settings: Settings, **time: object) -> Flask:
    """The sandbox's app, whose state file is closed when nothing refers to the app any more."""
    app = create_app(settings, **time)  # type: ignore[arg-type]
    weakref.finalize(app, app.extensions["books"].close)
    return app


class Sandbox:
    """Instant and faithful unless `start` says otherwise; `while_waiting` runs once, inside the next latency."""

    def __init__(self, var_dir: Path, dialects: Sequence[Dialect] = DIALECTS) -> None:
        self.dialects = dialects
        self.settings = Settings(latency_max_s=0, timeout_rate=0, seed="one", var_dir=var_dir)
        self.now = 1_800_000_000.0
        self.slept: list[float] = []
        self.while_waiting: Callable[[], object] | None = None
        self.posted: list[Message] = []
        self.post_callback: Callable[[Message], int] = self._post
        self.notebook: dict[str, str] = {}  # what a careful client stores before it asks for a payment
        self.start()

    def start(self, **settings: Any) -> None:
        """Starts it anew on the same state, as after a restart."""
        self.settings = replace(self.settings, **settings)
        arguments = {"clock": lambda: self.now, "sleep": self._sleep, "post": self.post_callback}
        self.app = make_app(self.settings, dialects=self.dialects, **arguments)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        meanwhile, self.while_waiting = self.while_waiting, None
        if meanwhile is not None:
            meanwhile()
        self.now += seconds

    def _post(self, message: Message) -> int:
        self.posted.append(message)
        return 200

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        return client_of(self.app).open(path, method=method, headers=headers or {}, **body)

    def callbacks(self) -> list[Json]:
        """Sends the callbacks that are due. Returns the bodies of all that were sent since the last time."""
        sender: Sender = self.app.extensions["sender"]
        sender.run_once()
        bodies = [json.loads(message.body) for message in self.posted]
        self.posted.clear()
        return bodies

    def get(self, path: str) -> Answer:
        return client_of(self.app).get(path)

    def post(self, path: str, body: object) -> Answer:
        return client_of(self.app).post(path, json=body)

    def debit(self, request_id: str = "d1", phone: str = "+2250707000011", **fields: object) -> Answer:
        body = {"request_id": request_id, "msisdn": phone, "amount": "25000", "currency": "XOF", "reason": "fines"}
        return self.post("/operator/debits", body | fields)

    def refund(self, request_id: str = "r1", debit: str = "d1", **fields: object) -> Answer:
        body = {"request_id": request_id, "debit_request_id": debit, "msisdn": "+2250707000011"}
        return self.post("/operator/refunds", body | {"amount": "25000", "currency": "XOF"} | fields)

    def settle(self, request_id: str = "s1", fine: str = "AM-2026-000123", **fields: object) -> Answer:
        body = {"request_id": request_id, "statut": "PAYEE", "payment_id": "p1", "amount": "15000"} | fields
        return client_of(self.app).put(f"/registry/amendes/{fine}/statut", json=body)

    def ask(self, request_id: str, partner: str = "/operator") -> tuple[int, str | None]:
        """What GET /requests says: (HTTP status, status of the request)."""
        answer = self.get(f"{partner}/requests/{request_id}")
        return answer.status_code, (answer.get_json() or {}).get("status")

    def script(self, *rules: Json) -> None:
        assert self.post("/_faults", list(rules)).status_code == 200

    def truth(self) -> Json:
        return self.get("/_truth").json

    def really(self, kind: str = "debits") -> list[str]:
        """The request ids of what really happened, in order."""
        return [effect["request_id"] for effect in self.truth()[kind]]
