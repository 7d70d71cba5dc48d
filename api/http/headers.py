"""Request headers that more than one product understands."""

import re

from flask import Request

from api.http.errors import BadIdempotencyKey

MAX_WAIT_S = 30

_BARE = re.compile(r"[\x21\x23-\x7e]{1,255}")
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,510})"')
IDEMPOTENCY_KEY_PATTERN = r'^([!#-~]{1,255}|"([ !#-\[\]-~]|\\["\\]){1,255}")$'
"""The two forms, as the description says them: in ECMA-262."""
_WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])', re.IGNORECASE)


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, bare or as a quoted string (RFC 8941): both spellings are one key.

    Raises BadIdempotencyKey.
    """
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(key) > 255 or not (quoted or _BARE.fullmatch(key)):
        raise BadIdempotencyKey
    return key


def wait_s(request: Request) -> int:
    """`Prefer: wait=N` (RFC 7240) in seconds, at most MAX_WAIT_S; 0 when not asked for."""
    if "HTTP_PREFER" not in request.environ:
        return 0
    found = _WAIT.search(",".join(request.headers.getlist("Prefer")))
    return min(int(found[1]), MAX_WAIT_S) if found else 0
