"""The steps of payments from a wallet: check, hold, settle. Our own store: each may be repeated, and none gives up."""

from core.errors import AlreadyDecided, Conflict, InsufficientFunds
from core.ledger import SYSTEM, Ledger, Movement
from core.money import to_text
from core.people import People
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.process import FOR_EVER_S, Step

FIRST_RETRY_S = 0.1
"""Others were faster a hundred times: the next moment is as good as a later one."""


def check(people: People, *ids: str) -> Step:
    """That none of these people has been suspended since."""

    def submit() -> Reply:
        found = [people.get(id) for id in ids]
        return Confirmed() if all(person and not person.suspended for person in found) else Declined("person_suspended")

    return Step("check", "checking the accounts", submit=lambda _: submit(), deadline_s=FOR_EVER_S, brief=True)


def hold(ledger: Ledger, move: Movement) -> Step:
    """Sets the amount aside, and gives it back when what follows is declined."""

    def submit() -> Reply:
        try:
            ledger.hold(move)
        except InsufficientFunds:
            return Declined("insufficient_funds")
        except AlreadyDecided:  # we were to refuse what another worker has spent meanwhile
            return Confirmed()
        except Conflict:
            return Unavailable("others changed the wallet all the time")
        return Confirmed()

    def give_back() -> Reply:
        try:
            ledger.release(move)
        except AlreadyDecided:
            return Declined("already_spent")
        except Conflict:
            return Unavailable("others changed the wallet all the time")
        return Confirmed()

    told = f"{to_text(move.amount, move.currency)} {move.currency}"
    release = Step(
        "release",
        f"giving back the {told} that were held",
        submit=lambda _: give_back(),
        deadline_s=FOR_EVER_S,
        first_retry_s=FIRST_RETRY_S,
    )
    return Step(
        "hold",
        f"holding {told}",
        submit=lambda _: submit(),
        undo=release,
        deadline_s=FOR_EVER_S,
        first_retry_s=FIRST_RETRY_S,
    )


def settle(ledger: Ledger, move: Movement, label: str) -> Step:
    """Moves what was held, or came in; the latter is owed.

    What was held may have been refused since, by a worker that had looked before the money was there: then that stands.
    """

    def submit() -> Reply:
        try:
            ledger.settle(move)
        except AlreadyDecided:
            return Declined("insufficient_funds")
        except Conflict:
            return Unavailable("others changed the wallet all the time")
        return Confirmed()

    return Step(
        "settle",
        label,
        submit=lambda _: submit(),
        moves_money=True,
        deadline_s=FOR_EVER_S,
        first_retry_s=FIRST_RETRY_S,
        owed=move.source in SYSTEM,
    )
