"""Times as texts."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """Returns a time as a text in UTC with milliseconds, such as 2027-01-15T08:00:00.000Z.

    at: in seconds since 1970.
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
