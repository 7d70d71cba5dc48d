"""The scripted answers: what `POST /_faults` asked the next calls to meet."""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from mock_api.chance import TIMEOUTS, Fate

WRITES = ("debit", "refund", "settle", "charge", "sms")
CALLS = (*WRITES, "request", "lookup", "fine", "verify", "blacklist")
WITHOUT_ID = ("lookup", "verify", "blacklist")
STATUSES = ("400", "404", "409", "429", "500", "503")
SPOILT = ("html", "truncated", "wrong-id", "reset", "hang")
OUTCOMES = ("ok", "pending", "failed")
ANSWERS = (*OUTCOMES, *TIMEOUTS, *STATUSES, *SPOILT)
# Longer than any client waits; what ends it in practice is the client's own timeout.
HANG_S = 300.0


class BadRule(ValueError):
    """A rule of a script cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Rule:
    """One line of a script, with the names of its JSON fields. Durations in seconds."""

    call: str
    answer: str
    match: str = ""
    times: int = 1
    reason: str | None = None
    retry_after: float | None = None
    latency_s: float | None = None
    late_s: float | None = None
    done: bool | None = None

    def bend(self, fate: Fate) -> Fate:
        """The fate this rule makes of the one drawn by chance."""
        latency_s = fate.latency_s if self.latency_s is None else self.latency_s
        if self.answer == "hang" and self.latency_s is None:
            latency_s = HANG_S
        return replace(
            fate,
            answer=self.answer,
            latency_s=latency_s,
            late_s=fate.late_s if self.late_s is None else self.late_s,
            pending_s=self.late_s,
            reason=self.reason,
            retry_after_s=fate.retry_after_s if self.retry_after is None else self.retry_after,
            done=self.done,
        )


def read_rules(body: object) -> list[Rule]:
    """The rules of a JSON list, or of `{"faults": [...]}`. Raises BadRule."""
    rows = body.get("faults") if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise BadRule('send a JSON list of rules, or {"faults": [...]}')
    rules = []
    for number, row in enumerate(rows, start=1):
        try:
            rules.append(_read_rule(row))
        except ValueError as error:
            raise BadRule(f"rule {number}: {error}") from None
    return rules


def _read_rule(row: object) -> Rule:
    if not isinstance(row, dict):
        raise ValueError("must be an object")
    if unknown := sorted(set(row) - set(Rule.__dataclass_fields__)):
        raise ValueError(f"unknown field {unknown[0]!r}")
    if row.get("call") not in CALLS:
        raise ValueError(f"call must be one of {', '.join(CALLS)}")
    if row.get("answer") not in ANSWERS:
        raise ValueError(f"answer must be one of {', '.join(ANSWERS)}")
    _check_types(row)
    rule = Rule(**row)
    if rule.answer in ("pending", "failed") and rule.call not in WRITES:
        raise ValueError(f"{rule.answer} is an answer to {', '.join(WRITES)} only")
    if rule.answer == "wrong-id" and rule.call in WITHOUT_ID:
        raise ValueError(f"the answer to {rule.call} has no id to get wrong")
    if rule.done is not None and rule.answer not in (*STATUSES, *SPOILT):
        raise ValueError(f"{rule.answer} says by itself whether the call is done")
    if (rule.answer == "failed") != (rule.reason is not None):
        raise ValueError("reason goes with answer failed, and failed needs one")
    return rule


def _check_types(row: dict[str, object]) -> None:
    for name in ("match", "reason"):
        if name in row and not (isinstance(row[name], str) and row[name]):
            raise ValueError(f"{name} must be a text")
    for name in ("retry_after", "latency_s", "late_s"):
        value = row.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
            raise ValueError(f"{name} must be a number of seconds, 0 to 86400")
    times = row.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ValueError("times must be a whole number from 1")
    if not isinstance(row.get("done", True), bool):
        raise ValueError("done must be true or false")


class Script:
    """Rules waiting for their calls, used in order, the first that fits. Safe for threads."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rules: Sequence[Rule]) -> None:
        with self._lock:
            self._rules.extend(rules)

    def take(self, call: str, texts: Sequence[str]) -> Rule | None:
        """The first rule for `call` whose `match` occurs in one of `texts`; one of its times is used up."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.call == call and any(rule.match in text for text in (*texts, "")):
                    rest = [replace(rule, times=rule.times - 1)] if rule.times > 1 else []
                    self._rules[index : index + 1] = rest
                    return rule
        return None

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def left(self) -> list[dict[str, object]]:
        """The rules not used up, as JSON objects without their absent fields."""
        with self._lock:
            rules = list(self._rules)
        return [{name: value for name, value in asdict(rule).items() if value not in (None, "")} for rule in rules]
