"""Magic phones, by their last two digits: what an operator decides, and how it answers."""

from collections.abc import Callable

from mock_api.trade import Verdict

Habit = Callable[[int], str]
"""The fixed answer to a magic phone or username, given the number of the call, from 1."""
UNTIL_LANDED = "504-until-landed"
"""504 until the order is carried out, then "ok"."""

SLOW = "06"
ABSENT = "10"
"""The payer never comes: in the vendors' dialects only."""

VERDICTS = {
    "02": Verdict("INSUFFICIENT_FUNDS"),
    SLOW: Verdict(waits=True),
    "07": Verdict("NOT_APPROVED"),
    "08": Verdict("PAYER_NOT_FOUND"),
    "09": Verdict("LIMIT_EXCEEDED"),
}
HABITS: dict[str, Habit] = {f"{digits:02}": lambda nth: "ok" for digits in range(1, 10)} | {
    "03": lambda nth: "504-done",
    "04": lambda nth: "504-lost" if nth <= 2 else "ok",
    "05": lambda nth: UNTIL_LANDED,
}
