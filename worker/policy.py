"""The time limits of retries and enquiries, and the inputs of decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Clock
from core.operation import Operation
from worker.partners.port import Unavailable
from worker.process import Stages

SEND_WITHIN_S = 3
"""The longest time from saving an intent to making its call. After a longer pause, another worker may have found the
request missing and sent it again."""
PAUSED = Unavailable("the worker was paused before the call", called=False)
"""The reply of a call that is not sent because it is too late."""
ENQUIRY_PACE = ((60, 5), (660, 15))
"""The longest wait between two enquiries, in seconds, until so many seconds after the request was sent.

A failed look-up says nothing about the request, so it does not make us wait longer. A partner that is down is the
breaker's concern.
"""
ASK_AGAIN_S = 2.5
"""The longest wait after a failed look-up in the first minute: it gave no information, and the payer waits."""
LATER_SHARE = 0.1
"""After that, the longest wait is this share of the time since the request was sent."""


def is_too_late(clock: Clock, operation: Operation) -> bool:
    """Returns whether a call whose intent is saved with this operation may not be sent any more.

    A step that reads our store before it sends asks this after it has read: the read may have taken long.
    """
    return clock.now() > operation.updated_at + timedelta(seconds=SEND_WITHIN_S)


@dataclass(frozen=True)
class Policy:
    """Time limits of retries and enquiries, in seconds.

    settle_window_s: how long after sending the partner may still apply a request; exceeds the partner's longest answer.
    first_enquiry_s: the longest wait before the first enquiry after an unknown outcome.
    max_retry_wait_s: the longest wait between two attempts of an unavailable partner.
    max_enquiry_wait_s: the longest wait between two enquiries, after hours.
    in_doubt_after_s: how long an outcome is unknown before the operation becomes in_doubt.
    review_after_s: how long an outcome is unknown before the operation needs a person.
    """

    settle_window_s: float
    first_enquiry_s: float = 1.5
    max_retry_wait_s: float = 60
    max_enquiry_wait_s: float = 15 * 60
    in_doubt_after_s: float = 15 * 60
    review_after_s: float = 24 * 3600

    def longest_wait_s(self, age_s: float, failed: bool) -> float:
        """Returns the longest wait until the next enquiry, in seconds.

        age_s: the time since the request was sent.
        failed: whether the last enquiry failed.
        """
        if failed and age_s < ENQUIRY_PACE[0][0]:
            return ASK_AGAIN_S
        pace = (wait_s for until_s, wait_s in ENQUIRY_PACE if age_s < until_s)
        return next(pace, min(LATER_SHARE * age_s, self.max_enquiry_wait_s))


@dataclass(frozen=True)
class Context:
    """The inputs of every decision about one operation.

    stages: the steps of its process.
    now: the time of the decision.
    jitter: a random number from 0 to 1 that spreads the next attempt.
    """

    stages: Stages
    policy: Policy
    now: datetime
    jitter: float = 0
