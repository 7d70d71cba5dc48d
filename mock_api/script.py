"""Scripted faults: the rules of `POST /_faults` for the next calls."""

import threading
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, replace

from mock_api.answers import (
    ANSWERS,
    CALLBACK,
    CALLBACK_ANSWERS,
    CALLS,
    DIALECTS,
    GARBLED,
    OF_CALLS,
    OF_DIALECTS,
    STATUSES,
    WITHOUT_ID,
)
from mock_api.chance import Fate

HANG_S = 300.0
"""Longer than any client's timeout."""


class BadRule(ValueError):
    """A rule cannot be used; the message says which one and why."""


@dataclass(frozen=True)
class Rule:
    """One rule; its fields have the names of the JSON fields, which README.md explains. Durations are in seconds."""

    call: str
    answer: str
    dialect: str = ""
    match: str = ""
    times: int = 1
    reason: str | None = None
    retry_after: float | None = None
    latency_s: float | None = None
    late_s: float | None = None
    done: bool | None = None

    def apply(self, fate: Fate) -> Fate:
        """Returns the fate with the values of this rule in place of those drawn by chance."""
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
    """Returns the rules of a JSON list, or of `{"faults": [...]}`.

    body: the parsed JSON.
    Raises BadRule.
    """
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
    answers = CALLBACK_ANSWERS if row["call"] == CALLBACK else ANSWERS
    if row.get("answer") not in answers:
        raise ValueError(f"answer must be one of {', '.join(answers)}")
    if "dialect" in row and row["dialect"] not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}")
    _check_types(row)
    rule = Rule(**row)
    _check_combination(rule)
    return rule


def _check_combination(rule: Rule) -> None:
    if rule.call not in OF_CALLS.get(rule.answer, CALLS):
        raise ValueError(f"{rule.answer} is an answer to {', '.join(OF_CALLS[rule.answer])} only")
    if rule.dialect and rule.dialect not in OF_DIALECTS.get(rule.answer, DIALECTS):
        raise ValueError(f"{rule.answer} is an answer of {', '.join(OF_DIALECTS[rule.answer])} only")
    if rule.answer == "wrong-id" and rule.call in WITHOUT_ID:
        raise ValueError(f"wrong-id needs an id, and the answer to {rule.call} has none")
    if rule.done is not None and rule.call == CALLBACK:
        raise ValueError("done cannot be set with callback")
    if rule.done is not None and rule.answer not in (*STATUSES, *GARBLED):
        raise ValueError(f"done cannot be set with {rule.answer}")
    if (rule.answer == "failed") != (rule.reason is not None):
        raise ValueError("reason is required with the answer failed, and only allowed with it")


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
    """The rules that are not used up. A call uses the first rule that matches. Thread-safe."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rules: Sequence[Rule]) -> None:
        with self._lock:
            self._rules.extend(rules)

    def take(
        self, call: str, texts: Sequence[str], dialect: str = "", answers: Container[str] | None = None
    ) -> Rule | None:
        """Uses up one time of the first matching rule. Returns the rule, or None.

        texts: `match` must occur in one of them.
        dialect: of the call; empty for a call of another partner.
        answers: only rules with one of these answers match; None for all.
        """

        def fits(rule: Rule) -> bool:
            return (
                rule.call == call
                and rule.dialect in ("", dialect)
                and (answers is None or rule.answer in answers)
                and any(rule.match in text for text in (*texts, ""))
            )

        with self._lock:
            index = next((index for index, rule in enumerate(self._rules) if fits(rule)), None)
            if index is None:
                return None
            rule = self._rules[index]
            self._rules[index : index + 1] = [replace(rule, times=rule.times - 1)] if rule.times > 1 else []
            return rule

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def left(self) -> list[dict[str, object]]:
        """Returns the rules that are not used up, as JSON objects without absent fields."""
        with self._lock:
            rules = list(self._rules)
        return [{name: value for name, value in asdict(rule).items() if value not in (None, "")} for rule in rules]
