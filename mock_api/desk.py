"""The desk: every partner call passes through it. It waits for the latency, applies the fate, and answers."""

import errno
import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flask import Response, request

from mock_api.books import Order, Request
from mock_api.chance import Chance, Fate
from mock_api.ledger import PENDING, SUCCESSFUL, Ledger, Verdict
from mock_api.script import STATUSES, Script

Reply = tuple[Mapping[str, object], int]
Habit = Callable[[int], str]
"""The fixed answer to a magic phone or username, given the number of the call, from 1."""
UNTIL_LANDED = "504-until-landed"
"""504 until the order is carried out, then "ok"."""


@dataclass
class Desk:
    """Serves the calls of all partners.

    sleep: waits, given seconds.
    """

    ledger: Ledger
    chance: Chance
    script: Script
    sleep: Callable[[float], None]

    def read(
        self, call: str, key: str, texts: Sequence[str], answer: Callable[[], Reply], habit: Habit | None = None
    ) -> Response:
        """Answers a call without an effect.

        key: what the call is about, for the count of calls.
        texts: the texts that scripted rules match.
        answer: returns the answer; called when the latency has passed.
        habit: the fixed answers; None leaves them to chance.
        """
        fate = self._wait(call, key, texts, habit)
        return _send(fate, answer())

    def write(self, order: Order, habit: Habit | None = None) -> Response:
        """Answers a call with an effect, and carries it out if its fate says so."""
        texts = [order.request_id, *order.content.values()]
        fate = self._wait(order.call, order.request_id, texts, habit)
        if fate.answer == UNTIL_LANDED:
            landed = self.ledger.find([order.partner], order.request_id)
            fate = replace(fate, answer="504-late" if landed is None else "ok")
        if fate.answer == "504-late":
            self.ledger.defer(order, fate.late_s)
        # Garbled answers claim success even if nothing was carried out: a client must not trust them.
        claim: Reply = ({"request_id": order.request_id, "status": SUCCESSFUL}, 200)
        return _send(fate, self._carry_out(order, fate) if fate.carried_out else claim)

    def _wait(self, call: str, key: str, texts: Sequence[str], habit: Habit | None) -> Fate:
        resets = self.ledger.resets
        nth = self.ledger.count(call, key)
        fate = self.chance.draw(call, key, nth)
        if rule := self.script.take(call, texts):
            fate = rule.apply(fate)
        elif habit:
            fate = replace(fate, answer=habit(nth))
        self.sleep(fate.latency_s)
        # A call that started before a reset is lost.
        return fate if self.ledger.resets == resets else replace(fate, answer="504-lost", done=None)

    def _carry_out(self, order: Order, fate: Fate) -> Reply:
        verdict = {"failed": Verdict(fate.reason), "pending": Verdict(waits=True)}.get(fate.answer)
        result = self.ledger.submit(order, verdict, fate.pending_s)
        if result is None:
            return {"error": "the request id was used for another request"}, 409
        return describe(result), 202 if result.status == PENDING else 200


def describe(done: Request) -> Mapping[str, object]:
    """Returns a request as partners report it: `{request_id, status, reason?, transaction_id?}`."""
    body = {"request_id": done.order.request_id, "status": done.status}
    return body | {k: v for k, v in (("reason", done.reason), ("transaction_id", done.transaction_id)) if v}


def _send(fate: Fate, reply: Reply) -> Response:
    body, status = reply
    if fate.answer.startswith("504"):
        return _json({"error": "no answer in time"}, 504)
    if fate.answer in STATUSES:
        return _refusal(fate)
    if fate.answer == "html":
        return Response("<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>", 200)
    if fate.answer in ("reset", "hang"):
        return Response(_cut_off())
    if fate.answer == "truncated":
        text = json.dumps(body)
        return Response(text[: len(text) // 2], status, mimetype="application/json")
    if fate.answer == "wrong-id":
        body = {name: f"not-{value}" if name in ("request_id", "id") else value for name, value in body.items()}
    return _json(body, status)


def _refusal(fate: Fate) -> Response:
    response = _json({"error": f"answered {fate.answer} on purpose"}, int(fate.answer))
    if fate.answer in ("429", "503"):
        response.headers["Retry-After"] = f"{fate.retry_after_s:g}"
    return response


def _json(body: Mapping[str, object], status: int) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def _cut_off() -> Iterator[bytes]:
    """Returns a body that resets the connection before the first byte of the answer is sent."""
    connection = request.environ.get("gunicorn.socket")

    def broken() -> Iterator[bytes]:
        if connection is not None:
            # Do not linger for further input of the client: the server's only loop would wait for it.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)
        raise ConnectionResetError(errno.ECONNRESET, "reset on purpose")
        yield b""

    return broken()
