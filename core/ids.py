"""Identifiers."""

from uuid_utils import uuid7


def new_id() -> str:
    """A time-ordered UUID (RFC 9562, version 7) as 36 characters of lower-case text."""
    return str(uuid7())
