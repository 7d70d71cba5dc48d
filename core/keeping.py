"""How long a thing is kept for operations that have no money yet.

The time belongs to the thing, not to the operation: it begins with the first hold, and the next holders do not prolong
it. So nobody keeps a thing from others by asking for it again and again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import from_rfc3339, to_rfc3339
from core.operation import Operation

KEPT_UNTIL = "kept_until"
"""The member of a claim."""
NEW_TIME_AFTER = timedelta(days=1)
"""How long after the end of its time a thing gets a new one, by the next hold."""


@dataclass(frozen=True)
class Keeping:
    """time_s: how long a thing is kept for holders without money, in seconds."""

    time_s: float

    def hold(self, claim: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """The claim as it is held from now on: with a time, if it has none, or one that ended more than a day ago."""
        until = claim.get(KEPT_UNTIL)
        if until is not None and now < from_rfc3339(until) + NEW_TIME_AFTER:
            return claim
        return {**claim, KEPT_UNTIL: to_rfc3339(now + timedelta(seconds=self.time_s))}

    def until(self, claim: Mapping[str, Any], holder: Operation) -> datetime:
        """When the claim stops to keep others away, if its holder has no money by then.

        Release 0.1.0 wrote no time into the claim: there it began when the holder was accepted.
        """
        until = claim.get(KEPT_UNTIL)
        return from_rfc3339(until) if until else holder.created_at + timedelta(seconds=self.time_s)
