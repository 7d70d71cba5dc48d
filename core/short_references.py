"""References in letters and digits alone: for operators that take no other sign, and name nothing else in callbacks."""

import base64
import binascii
import re
from uuid import UUID

ID_CHARS = 26
"""Of base32 for the 16 bytes of an operation's id, without padding."""
MAX_STEP_CHARS = 24
STEP = re.compile(rf"[a-z]{{1,{MAX_STEP_CHARS}}}")


def shortened(reference: str) -> str | None:
    """Returns a reference in at most 50 letters and digits; None for one that cannot be written so.

    reference: `<operation id>:<step>`.
    """
    id, _, step = reference.partition(":")
    try:
        number = UUID(id)
    except ValueError:
        return None
    if str(number) != id or not STEP.fullmatch(step):
        return None
    return base64.b32encode(number.bytes).decode().rstrip("=") + step


def lengthened(short: str) -> str | None:
    """Returns the reference that `shortened` has written so; None for any other text."""
    id, step = short[:ID_CHARS], short[ID_CHARS:]
    try:
        reference = f"{UUID(bytes=base64.b32decode(id + '=' * 6))}:{step}"
    except (ValueError, binascii.Error):
        return None
    return reference if shortened(reference) == short else None
