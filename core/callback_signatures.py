"""Signatures of callbacks whose URL is registered once, and so has no token of ours: the operator signs them."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime

from core.short_references import lengthened

MAX_AGE_S = 300
"""A signature older than this is refused: somebody may have recorded it."""

MAX_REFERENCE_CHARS = 200

Read = Callable[[Mapping[str, str], str, bytes, datetime], str | None]
"""Returns our reference in a callback, given options of the operator, its signature, the body, and the time now.

None for a callback that the operator has not signed, or that names no reference.
"""


def _wave(options: Mapping[str, str], signature: str, body: bytes, now: datetime) -> str | None:
    """`Wave-Signature: t=<unix time>,v1=<hex HMAC-SHA256 of time and body>[,v1=...]`. Source: docs.wave.com/webhook."""
    parts = [part.partition("=") for part in signature.split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    secret = options.get("WEBHOOK_SECRET", "")
    if not (secret and sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 12):
        return None
    right = hmac.new(secret.encode(), sent_at.encode() + body, "sha256").hexdigest()
    signed = any(hmac.compare_digest(value.encode(), right.encode()) for name, _, value in parts if name == "v1")
    if not signed or abs(now.timestamp() - int(sent_at)) > MAX_AGE_S:
        return None
    return _member(body, "data", "client_reference")


def _airtel(options: Mapping[str, str], signature: str, body: bytes, now: datetime) -> str | None:
    """The base64 HMAC-SHA256 in `hash`, a header or a member. It says no time: a recorded callback makes us ask again.

    Airtel does not document which bytes it is of. Each reading needs the secret: the transaction, or the body without
    the hash, as they were sent or without spaces.
    Source: developers.airtel.africa, callback authentication.
    """
    secret, transaction = options.get("CALLBACK_SECRET", ""), _as_sent(body, "transaction")
    signature = signature or _member(body, "hash") or ""
    if not secret or transaction is None:
        return None
    compact = json.dumps(json.loads(transaction), separators=(",", ":"), ensure_ascii=False)
    readings = [transaction, compact, f'{{"transaction":{transaction}}}', f'{{"transaction":{compact}}}']
    signed = [body, *(reading.encode("utf-8", "replace") for reading in readings)]
    right = [base64.b64encode(hmac.digest(secret.encode(), each, "sha256")) for each in signed]
    if not any(hmac.compare_digest(each, signature.encode("utf-8", "replace")) for each in right):
        return None
    return lengthened(_member(transaction.encode(), "id") or "")


def _as_sent(body: bytes, name: str) -> str | None:
    """Returns the JSON of an object's member as it was sent, where it is an object itself."""
    try:
        text = body.decode()
        if not isinstance(json.loads(text).get(name), dict):
            return None
        begin = text.index("{", text.index(f'"{name}"'))
        return text[begin : json.JSONDecoder().raw_decode(text, begin)[1]]
    except (ValueError, RecursionError, AttributeError):
        return None


def _member(body: bytes, *path: str) -> str | None:
    """Returns a text of a JSON object, by the names that lead to it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_REFERENCE_CHARS else None


SIGNED: Mapping[str, tuple[str, Read]] = {"wave": ("Wave-Signature", _wave), "airtel": ("hash", _airtel)}
"""By dialect: the header of the signature, and how it is read."""
