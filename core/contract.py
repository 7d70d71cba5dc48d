"""What a product agrees on with the rest of the house: its kinds, their requests, and what they do elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from core.operation import Operation, Status
from core.steps import REFUND_BY_HAND, StepState


@dataclass(frozen=True)
class Request:
    """Base of the requests of all kinds: a frozen dataclass whose fields are JSON values.

    A request with fields that are no JSON values overrides both methods.
    """

    def to_json(self) -> dict[str, Any]:
        """The canonical JSON object that is stored and fingerprinted."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**document)


class Record(StrEnum):
    """Where the other side of an effect is written down, for the audit to compare."""

    STATEMENT = "statement"  # the mobile-money operator's statement, and the sandbox
    PARTNER = "partner"  # another partner's record, which the sandbox shows too
    NONE = "none"  # nobody keeps one


@dataclass(frozen=True)
class EffectKind:
    """A kind of effect.

    plural: what the audit calls many of them, such as "debits".
    recorded_when: whether the settings are such that the other side keeps a record at all.
    """

    name: str
    plural: str
    record: Record
    recorded_when: Callable[[Any], bool] = lambda settings: True


DEBIT = EffectKind("debit", "debits", Record.STATEMENT)
REFUND = EffectKind("refund", "refunds", Record.STATEMENT)
PAYOUT = EffectKind("payout", "payouts", Record.STATEMENT)


@dataclass(frozen=True)
class Effect:
    """What a step has done at a partner, or may have done.

    reference: `<operation id>:<step>`.
    minor: the amount in minor units of `currency`; 0 for an effect without money.
    certain: False while the operation does not know whether it happened.
    """

    kind: EffectKind
    reference: str
    minor: int = 0
    currency: str = ""
    certain: bool = True


def effect_of(
    operation: Operation, step: str, kind: EffectKind, minor: int = 0, currency: str = ""
) -> Iterator[Effect]:
    """The effect of one step: certain once it is done, possible until the operation has ended."""
    record = operation.step(step)
    done = record.state is StepState.DONE
    # What a person has done by other means is in no record of the partner.
    by_hand = REFUND_BY_HAND in (record.last_error or "")
    if done or not operation.terminal:
        yield Effect(kind, operation.reference(step), minor, currency, certain=done and not by_hand)


class Door(StrEnum):
    """A way in which people or machines ask for a kind of operation."""

    HTTP = "http"
    USSD = "ussd"


R = TypeVar("R", bound=Request)


def no_names(_: Any) -> tuple[str, ...]:
    """The names of a kind that is found by what all kinds are found by."""
    return ()


def no_money(_: Any) -> tuple[int, str] | None:
    """The money of a kind that moves no money."""
    return None


@dataclass(frozen=True)
class StatusEvents(Generic[R]):
    """The events that notify clients of the statuses of one kind.

    family: the first part of the types of its events, such as `payment`.
    path: where its state is read, with `{id}` for the operation.
    money: the amount in minor units and the currency; None where it moves no money.
    names: the second part of a type, by status; other statuses make no event.
    """

    family: str
    path: str
    money: Callable[[R], tuple[int, str] | None] = no_money
    names: Mapping[Status, str] = field(default_factory=lambda: NAMES)


@dataclass(frozen=True)
class Refunding(Generic[R]):
    """How the money of one kind is given back after its operation has succeeded, in whole or in part.

    paid: what there was to give back at the end, in minor units, by item, such as a fine; one item "" where a payment
        has no parts.
    currency: of the payment.
    phone: the phone that paid, in E.164; None where a wallet paid.
    debit: the step that debited the phone; "" where a wallet paid.
    legs: the accounts between which the money goes back; None where no account of ours had it.
    """

    paid: Callable[[Operation], Mapping[str, int]]
    currency: Callable[[R], str]
    phone: Callable[[R], str | None] = lambda _: None
    debit: str = ""
    legs: Callable[[R], "Legs"] | None = None


NAMES: Mapping[Status, str] = {status: status.value for status in Status if status is not Status.OPEN}

Legs = tuple[str, str]
"""The account that money leaves and the account that it reaches: ids of wallets, or names of system accounts."""


@dataclass(frozen=True)
class Contract(Generic[R]):
    """One kind of operation, as everybody knows it.

    kind: its name, stored with each operation.
    request: the type of its request.
    doors: how it is asked for; none for what only we ask for.
    effect_kinds: which effects it may have at partners.
    effects: those that one operation of this kind has had, or may have had.
    legs: for a kind that moves money between accounts of the ledger, which ones; they may be None for some requests.
    accounts: the system accounts among them.
    status_events: what clients are told of it; None for nothing.
    refunding: how it is given back; None for what is not.
    names: what a request can be found by besides, see `core.operation_names`.
    typed: brings what people type to such names, to look for it.
    """

    kind: str
    request: type[R]
    doors: frozenset[Door]
    effect_kinds: tuple[EffectKind, ...]
    effects: Callable[[Operation], Iterator[Effect]]
    legs: Callable[[R], Legs | None] | None = None
    accounts: frozenset[str] = frozenset()
    status_events: StatusEvents[R] | None = None
    refunding: Refunding[R] | None = None
    names: Callable[[R], tuple[str, ...]] = no_names
    typed: Callable[[str], tuple[str, ...]] = no_names

    def read(self, operation: Operation) -> R:
        """The request of an operation of this kind."""
        return self.request.from_json(operation.request)


def no_effects(_: Operation) -> Iterator[Effect]:
    """The effects of a kind that touches our own ledger alone."""
    return iter(())
