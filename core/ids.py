"""Identifiers."""

import re
from datetime import datetime

from uuid_utils import uuid7

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A time-ordered UUID (RFC 9562, version 7) as 36 characters of lower-case text."""
    return str(uuid7())


def id_at(moment: datetime) -> str:
    """What comes before the ids of a moment, and after all earlier ones: milliseconds since 1970."""
    milliseconds = f"{int(moment.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"


def is_id(text: str) -> bool:
    """Whether this could be an id of ours. What is not need not be looked for."""
    return _UUID.fullmatch(text) is not None
