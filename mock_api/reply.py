"""How answers are worded and sent, and how a fault spoils them."""

import errno
import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flask import Response, request

from mock_api.answers import STATUSES, TOKEN_EXPIRED
from mock_api.chance import Fate

Reply = tuple[Mapping[str, object] | None, int]
"""A JSON object, or None for an empty body; and the HTTP status."""


@dataclass(frozen=True)
class Manner:
    """How a partner words what has nothing to do with its orders.

    dialect: its name; empty for a partner without one.
    refuse: returns the answer to a call that fails, given "401" or one of the scripted answers that are a status.
    ids: the fields that `wrong-id` changes.
    """

    dialect: str
    refuse: Callable[[str], Reply]
    ids: frozenset[str]


def _refuse(status: str) -> Reply:
    text = "no answer in time" if status == "504" else f"answered {status} on purpose"
    return {"error": text}, int(status)


PLAIN = Manner("", _refuse, frozenset({"request_id", "id"}))


def send(fate: Fate, reply: Reply, manner: Manner) -> Response:
    body, status = reply
    if fate.answer.startswith("504"):
        return _json(*manner.refuse("504"))
    if fate.answer in STATUSES:
        return _refusal(fate, manner)
    if fate.answer == TOKEN_EXPIRED:
        return _json(*manner.refuse("401"))
    if fate.answer == "html":
        return Response("<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>", 200)
    if fate.answer in ("reset", "hang"):
        return Response(_cut_off())
    if fate.answer == "truncated":
        text = json.dumps(body)
        return Response(text[: len(text) // 2], status, mimetype="application/json")
    if fate.answer == "wrong-id":
        return _json(_with_other_ids(body, manner.ids), status)
    return _json(body, status)


def _with_other_ids(body: object, ids: frozenset[str]) -> object:
    if isinstance(body, list):
        return [_with_other_ids(each, ids) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        name: f"not-{value}" if name in ids and isinstance(value, str) else _with_other_ids(value, ids)
        for name, value in body.items()
    }


def _refusal(fate: Fate, manner: Manner) -> Response:
    response = _json(*manner.refuse(fate.answer))
    if fate.answer in ("429", "503"):
        response.headers["Retry-After"] = f"{fate.retry_after_s:g}"
    return response


def _json(body: object, status: int) -> Response:
    return Response(b"" if body is None else json.dumps(body), status, mimetype="application/json")


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
