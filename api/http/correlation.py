"""What a request is known by elsewhere: its id, in its answer and in every log, and the caller's trace."""

import re

from flask import Request, g, request

from core.ids import new_id

HEADER = "X-Request-Id"
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# No dot, or a token could be one; and with a letter, or a phone could.
_WELL_FORMED = re.compile(r"(?=[0-9_-]*[A-Za-z])[0-9A-Za-z_-]{8,64}")


def traceparent(request: Request) -> str | None:
    """The W3C trace context of this request: of its span, or of the caller, if it sent a well-formed one."""
    if "traceparent" in g:
        return str(g.traceparent)
    text = request.headers.get("traceparent")
    return text if text and _TRACEPARENT.fullmatch(text) else None


def request_id() -> str:
    """The caller's own id if it is well-formed, else the id of the caller's trace, else a new one."""
    known: str | None = g.get("request_id")
    if known is None:
        known = g.request_id = _sent() or new_id()
    return known


def _sent() -> str | None:
    own = request.headers.get(HEADER, "")
    if _WELL_FORMED.fullmatch(own):
        return own
    trace = traceparent(request)
    return trace and trace.split("-")[1]
