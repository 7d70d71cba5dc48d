"""The step that reads a second person's answer: what needs no approval passes it, too."""

from worker.partners.port import Confirmed, Declined
from worker.process import REPEATABLE, Step


def approval(rejected: bool, code: str) -> Step:
    """Returns the step. rejected: what the second person answered; code: of the refusal that follows."""
    return Step(
        "approval",
        "reading the decision",
        submit=lambda _: Declined(code) if rejected else Confirmed(),
        recovery=REPEATABLE,
        saves_intent=False,
        is_lookup=True,
    )
