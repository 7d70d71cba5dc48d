"""Sends callbacks: each once, in the vendor's words, or as a fault says."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, NoReturn
from urllib.parse import urlsplit, urlunsplit

import requests

from mock_api.answers import CALLBACK, FORGED, SENDING, UNREACHABLE
from mock_api.books import Order, Request
from mock_api.chance import Chance
from mock_api.ledger import FAILED, SUCCESSFUL, Ledger
from mock_api.outbox import FINAL, LATE, Outbox, Waiting
from mock_api.script import Script
from mock_api.times import iso

HUGE_BYTES = 1_000_000
SHOWN_BYTES = 4_096
SENDERS = 16
"""Callbacks on their way at once: a receiver that hangs must not delay those of others."""
ROUND_S = 0.05

Document = dict[str, object]


class Message(NamedTuple):
    """An HTTP request to a receiver of callbacks."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


Post = Callable[[Message], int]
"""Sends a message. Returns the HTTP status of the answer. Raises OSError when there is none."""


@dataclass(frozen=True)
class Notice:
    """How a dialect words its callbacks.

    body: returns the JSON object about a request.
    headers: returns more headers, such as a signature, given the request, the body as it is sent, and the time.
    method: of HTTP.
    """

    body: Callable[[Request], Mapping[str, object]]
    headers: Callable[[Request, bytes, float], Mapping[str, str]] = lambda request, body, now: {}
    method: str = "POST"


def post_over_http(timeout_s: float) -> Post:
    """Returns what sends a message. It follows no redirect and reads no answer's body.

    timeout_s: to connect, and again to wait for the answer.
    """

    def post(message: Message) -> int:
        with requests.request(
            message.method,
            message.url,
            headers=dict(message.headers),
            data=message.body,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return answer.status_code

    return post


class Sender:
    """Sends the callbacks that are due."""

    def __init__(
        self,
        ledger: Ledger,
        outbox: Outbox,
        script: Script,
        chance: Chance,
        notices: Mapping[str, Notice],
        post: Post,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._script = script
        self._chance = chance
        self._notices = notices
        self._post = post
        # What is due is taken by one thread at a time.
        self._turn = threading.Lock()

    def run_once(self) -> int:
        """Sends what is due, one after the other. Returns how many callbacks were due."""
        return self._run(lambda send, due: list(map(send, due)))

    def conclude(self, order: Order) -> None:
        """Ends a PENDING order now, and sends what is due before it returns."""
        with self._turn:
            self._ledger.conclude(order)
            due = self._outbox.take_due(self._ledger.now())
        for waiting in due:
            self._send(waiting)

    def run_for_ever(self) -> NoReturn:
        """Sends what falls due, many at once, until the process ends."""
        pool = ThreadPoolExecutor(SENDERS, "callback")

        def hand_over(send: Callable[[Waiting], None], due: Iterable[Waiting]) -> None:
            for waiting in due:
                pool.submit(self._reporting, send, waiting)

        while True:
            self._reporting(self._run, hand_over)
            time.sleep(ROUND_S)

    @staticmethod
    def _reporting(act: Callable[..., object], *arguments: object) -> None:
        try:
            act(*arguments)
        except Exception:
            # The next callbacks must be sent all the same.
            logging.getLogger(__name__).exception("callback")

    def _run(self, each: Callable[[Callable[[Waiting], None], Iterable[Waiting]], object]) -> int:
        with self._turn:
            self._ledger.catch_up()
            due = self._outbox.take_due(self._ledger.now())
        each(self._send, due)
        return len(due)

    def _send(self, waiting: Waiting) -> None:
        request = self._ledger.look(waiting.partner, waiting.request_id)
        if request is None:
            return  # a reset has deleted it
        fault, late_s = self._fault(waiting, request)
        if fault == "late":
            self._ledger.tell(request.order, LATE, late_s)
        if fault in ("late", "never"):
            self._outbox.note(waiting, {"state": fault, "url": request.order.content["callback"]})
            return
        message = self._message(waiting.kind, request, fault)
        answers = [self._answer(message) for _ in range(2 if fault == "twice" else 1)]
        sent = all(isinstance(answer, int) for answer in answers)
        body = message.body[:SHOWN_BYTES].decode(errors="replace")
        doc: Document = {"state": "sent" if sent else "failed", "fault": fault, "at": iso(self._ledger.now())}
        doc |= {"method": message.method, "url": message.url, "headers": dict(message.headers), "body": body}
        self._outbox.note(waiting, doc | {"answers": answers})

    def _answer(self, message: Message) -> int | str:
        try:
            return self._post(message)
        except OSError as error:  # those of requests are
            return type(error).__name__

    def _fault(self, waiting: Waiting, request: Request) -> tuple[str | None, float]:
        if waiting.kind != FINAL:
            return None, 0.0
        drawn, late_s = self._chance.draw_callback(waiting.request_id)
        texts = [waiting.request_id, *request.order.content.values()]
        rule = self._script.take(CALLBACK, texts, waiting.partner, SENDING)
        if rule is not None:
            return rule.answer, late_s if rule.late_s is None else rule.late_s
        return drawn if drawn in SENDING else None, late_s

    def _message(self, kind: str, request: Request, fault: str | None) -> Message:
        notice = self._notices[request.order.partner]
        content = dict(notice.body(_spoilt(kind, request, fault)))
        if fault == "huge":
            content["padding"] = "x" * HUGE_BYTES
        body = json.dumps(content).encode()
        url = request.order.content["callback"]
        headers = {"Content-Type": "application/json"} | dict(notice.headers(request, body, self._ledger.now()))
        return Message(notice.method, _elsewhere(url) if fault == "unknown-operation" else url, headers, body)


def _spoilt(kind: str, request: Request, fault: str | None) -> Request:
    """Returns the request as the callback reports it."""
    order = request.order
    if kind == FORGED:
        at = request.at or "2000-01-01T00:00:00.000Z"
        request = request._replace(status=SUCCESSFUL, reason=None, transaction_id="FORGED0000", at=at)
    if kind == UNREACHABLE:
        request = request._replace(status=FAILED, reason="UNREACHABLE", transaction_id=None)
    if fault == "wrong-amount":
        content = order.content | {"amount": str(Decimal(order.content["amount"]) + 1)}
        request = request._replace(order=order._replace(content=content))
    if fault == "wrong-id":
        ids = {name: another(order.content[name]) for name in ("reference", "caller_id") if name in order.content}
        order = order._replace(request_id=another(order.request_id), content=order.content | ids)
        transaction_id = request.transaction_id and another(request.transaction_id)
        request = request._replace(order=order, transaction_id=transaction_id)
    return request


def another(text: str) -> str:
    """Returns a text of the same form that differs in its last character."""
    return text[:-1] + ("1" if text.endswith("0") else "0")


def _elsewhere(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=another(parts.path or "/")))
