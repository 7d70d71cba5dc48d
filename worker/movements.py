"""The steps of payments from a wallet: check, hold, settle.

They use only our own store: each is safe to repeat, and none is given up.
"""

from core.errors import AlreadyDecided, Conflict, InsufficientFunds
from core.identity.people import People
from core.ledger import SETTLE_STEP, Ledger, Movement
from core.money import format_minor
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.process import FOREVER_S, OWED, REPEATABLE, REQUIRED, Stages, Step

PATIENT = REQUIRED.within(FOREVER_S)
"""Our own store always comes back, so these steps are retried without a deadline."""
FIRST_RETRY_S = 0.1
"""Short: these steps are only retried after losing many compare-and-set races, and contention is brief."""


def check(people: People, *ids: str) -> Step:
    """Returns the step that declines if one of these people is suspended or no longer exists."""

    def submit() -> Reply:
        found = [people.get(id) for id in ids]
        return Confirmed() if all(person and not person.suspended for person in found) else Declined("person_suspended")

    return Step(
        "check",
        "checking the accounts",
        submit=lambda _: submit(),
        recovery=REPEATABLE,
        obligation=PATIENT,
        saves_intent=False,
        is_lookup=True,
    )


def hold(ledger: Ledger, move: Movement) -> Step:
    """Returns the step that holds the amount in the wallet. Its undo releases the hold."""

    def submit() -> Reply:
        try:
            ledger.hold(move)
        except InsufficientFunds:
            return Declined("insufficient_funds")
        except AlreadyDecided:  # another worker has already settled this hold
            return Confirmed()
        except Conflict:
            return Unavailable("the wallet kept changing")
        return Confirmed()

    def release_hold() -> Reply:
        try:
            ledger.release(move)
        except AlreadyDecided:
            return Declined("already_spent")
        except Conflict:
            return Unavailable("the wallet kept changing")
        return Confirmed()

    amount = f"{format_minor(move.amount, move.currency)} {move.currency}"
    release = Step(
        "release",
        f"releasing the hold of {amount}",
        submit=lambda _: release_hold(),
        recovery=REPEATABLE,
        obligation=PATIENT,
        first_retry_s=FIRST_RETRY_S,
    )
    return Step(
        "hold",
        f"holding {amount}",
        submit=lambda _: submit(),
        recovery=REPEATABLE,
        undo=release,
        obligation=PATIENT,
        first_retry_s=FIRST_RETRY_S,
    )


def settle(ledger: Ledger, move: Movement, label: str, saves_intent: bool = True) -> Step:
    """Returns the step that moves the amount to its target.

    label: the step's text in timelines.
    saves_intent: False only if nothing but the hold comes before it. The hold, repeated, is never refused then.
    Money from a system account (a top-up) must be settled. A hold may have been refused meanwhile by a worker that read
    the wallet before the money arrived: the step is then declined, because the first decision stands.
    """

    def submit() -> Reply:
        try:
            ledger.settle(move)
        except AlreadyDecided:
            return Declined("insufficient_funds")
        except Conflict:
            return Unavailable("the wallet kept changing")
        return Confirmed()

    return Step(
        SETTLE_STEP,
        label,
        submit=lambda _: submit(),
        recovery=REPEATABLE,
        moves_money=True,
        obligation=OWED if move.source in ledger.system else PATIENT,
        saves_intent=saves_intent,
        first_retry_s=FIRST_RETRY_S,
    )


def sending(ledger: Ledger, people: People, move: Movement, label: str) -> Stages:
    """Returns the stages of a payment from one person's wallet to another's."""
    return (
        (check(people, move.source, move.target),),
        (hold(ledger, move),),
        (settle(ledger, move, label, saves_intent=False),),
    )
