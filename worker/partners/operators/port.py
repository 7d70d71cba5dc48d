"""What every operator does for us, whatever its dialect: take money from a phone, give it back, pay out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from core.clock import Clock
from core.operation import Operation
from worker.partners.breaker import Breaker
from worker.partners.port import Reply, Unavailable


@dataclass(frozen=True)
class Demand:
    """One request to an operator: some money of one phone.

    reference: `<operation id>:<step>`, the same on every attempt.
    phone: in E.164 form.
    minor: the amount in minor units of `currency`.
    text: shown to the owner of the phone.
    callback_url: where the operator may report the outcome; None where it cannot reach us.
    known: what the operator has given us about this demand so far, such as its own id.
    debit: for a refund, the demand of the debit, with what is known about it.
    submitted_at: when the last attempt was sent.
    """

    reference: str
    phone: str
    minor: int
    currency: str
    text: str = ""
    callback_url: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    debit: "Demand | None" = None
    submitted_at: datetime | None = None


Verb = Callable[[Demand], Reply]


@dataclass(frozen=True)
class Service:
    """One thing that an operator does: debits, refunds or payouts.

    submit: sends the demand.
    ask: asks for its outcome; None when the operator cannot be asked.
    prepare: of a dialect with two calls, the first: it moves no money, and its result is known to the other verbs.
    asked_by_theirs: the key of the result that holds the operator's own id, if it can be asked only by that id.
    read: what the body of a callback says about the demand; only for an operator that cannot be asked by our reference.
        Pending when it only contains the operator's own id: the operator is then asked by it.
    recorded_as: the id of the demand in the operator's own records, for the audit.
    """

    submit: Verb
    ask: Verb | None = None
    prepare: Verb | None = None
    asked_by_theirs: str = ""
    read: Callable[[Demand, Mapping[str, Any]], Reply] | None = None
    recorded_as: Callable[[Demand], str] = lambda demand: demand.reference


@dataclass(frozen=True)
class Holder:
    """The owner of an account, as the operator knows them.

    active: whether the account can pay.
    name: None when the operator does not report it.
    """

    active: bool
    name: str | None = None


class Dialect(Protocol):
    """How one operator is spoken to. A service that it does not offer is None: people then do it by hand."""

    @property
    def debits(self) -> Service: ...

    @property
    def refunds(self) -> Service | None: ...

    @property
    def payouts(self) -> Service | None: ...


@runtime_checkable
class KnowsHolders(Protocol):
    """A dialect that can say whose account a phone has."""

    def holder(self, phone: str) -> Holder | Unavailable:
        """Returns the owner of an account.

        phone: in E.164 form.
        """


@dataclass(frozen=True)
class Operator:
    """One operator, as it is configured.

    name: as OPERATORS names it.
    clock: of the worker.
    settle_window_s: how long after sending it may still apply a request; None for the setting SETTLE_WINDOW_S.
    callback_url: returns where it may report the outcome of a reference, or None.
    heard: returns the bodies of its callbacks about a reference, in the order of their arrival.
    """

    name: str
    dialect: Dialect
    breaker: Breaker | None
    clock: Clock
    settle_window_s: float | None = None
    callback_url: Callable[[str], str | None] = lambda reference: None
    heard: Callable[[str], Sequence[Mapping[str, Any]]] = lambda reference: ()


class NotConfigured(LookupError):
    """An operator with unfinished operations is not configured any more. The message names it."""


@dataclass(frozen=True)
class Operators:
    """The operators by name.

    default: the name of the operator of operations that name none: those of releases that knew only one.
    """

    by_name: Mapping[str, Operator]
    default: str

    def of(self, operation: Operation) -> Operator:
        """Returns the operator of an operation. Raises NotConfigured."""
        name = operation.operator or self.default
        if name not in self.by_name:
            raise NotConfigured(f"the operator {name!r} is not configured any more; name it in OPERATORS again")
        return self.by_name[name]
