"""What is checked, and what a probe finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.clock import Clock
from core.ids import new_id
from core.operators import OperatorSettings
from worker.partners.operators.port import Demand, Dialect

TEXT = "Partner check"
"""Shown to the owner of the phone."""


class Verdict(StrEnum):
    """What a row means for money. Only `unsafe` fails the check."""

    OK = "ok"
    CAREFUL = "careful"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """What one probe has seen."""

    name: str
    seen: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Reached:
    """How the host of the URL was reached.

    seen: for people; failed: whether there was no connection.
    """

    seen: str
    failed: bool = False
    plain: bool = False
    """Whether the connection leaves this machine without TLS."""


Record = Callable[[], Mapping[str, Any] | None]
"""The record of the sandbox, `/_truth`, since the check began; None where the partner has none."""


@dataclass(frozen=True)
class Subject:
    """One operator, and the means to check it.

    wrong: the same operator with wrong credentials; None if no credentials are configured.
    phone: in E.164 form; minor: the smallest amount that is debited, in minor units.
    longest_s: how long an outcome is waited for.
    reach: opens a connection. skew_s: the Date of the last answer less our time; None if it had none.
    show: tells a person what they have to do now. The first argument is a page to open, or "".
    """

    operator: OperatorSettings
    dialect: Dialect
    wrong: Dialect | None
    phone: str
    minor: int
    currency: str
    clock: Clock
    sleep: Callable[[float], None]
    longest_s: float
    reach: Callable[[], Reached]
    skew_s: Callable[[], float | None]
    record: Record = lambda: None
    show: Callable[[str, str], None] = lambda page, text: None
    ids: Callable[[], str] = new_id

    def demand(self, step: str, debit: Demand | None = None) -> Demand:
        """Returns a demand under a new reference.

        debit: for a refund, what is given back.
        """
        reference = f"{self.ids()}:{step}"
        host, name = self.operator.callback_host, self.operator.name
        # Our API takes and drops what is sent there: the token is not signed.
        url = f"{host}/callbacks/{name}/{reference}.check" if host else None
        return Demand(reference, self.phone, self.minor, self.currency, TEXT, url, debit=debit)

    def since(self, began: float) -> float:
        """Returns the seconds since a reading of `seconds`."""
        return self.seconds() - began

    def seconds(self) -> float:
        """The time now, in seconds."""
        return self.clock.now().timestamp()
