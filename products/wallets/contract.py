"""Wallets: top-ups from mobile money, and transfers between people."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from core.accept import Command
from core.bootstrap import Core
from core.contract import DEBIT, Contract, Door, Effect, Refunding, Request, StatusEvents, effect_of, no_effects
from core.errors import InsufficientFunds, InvalidField, Refused
from core.identity.people import Person
from core.ledger import MOBILE_MONEY, SETTLE_STEP
from core.notices.languages import DEFAULT, Say, say_amount, translator
from core.notices.outcome import FEW_A_DAY, receiver
from core.operation import Operation
from core.phone import mask
from core.prompts import Limit, Prompt
from core.steps import StepState
from core.store.port import Document

DEBIT_STEP = "debit"
UNNAMED = "***"
PLAIN_NAME = re.compile(r"(?!(?:.*\d){5})[\w -]+")
SAME_WITHIN_S = 10
"""Without an idempotency key, the same request within this time is a client that repeats it, not a second payment."""


UNPROVEN_OPEN, UNPROVEN_A_DAY, DAY_S = 1, 3, 24 * 3600
"""Top-ups from a phone that is not proven: how many may wait for its owner at once, and how many there are a day."""


@dataclass(frozen=True)
class TopUp(Request):
    """wallet: an id; msisdn: the phone to debit, in E.164; amount: minor units."""

    wallet: str
    msisdn: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Sending(Request):
    """sender (stored as `from`) and to: ids of people, whose wallets have the same ids; amount: minor units."""

    sender: str
    to: str
    to_name: str
    amount: int
    currency: str

    def to_json(self) -> dict[str, Any]:
        document = super().to_json()
        return {"from": document.pop("sender"), **document}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        rest = {name: value for name, value in document.items() if name != "from"}
        return cls(sender=document["from"], **rest)


@dataclass(frozen=True)
class Transfer(Sending):
    note: str | None = None


class PhoneNotProven(Refused):
    """Your phone is not proven to be yours, and its operator debits it without asking. Prove it first."""

    code = "phone_not_proven"


class NoPhone(Refused):
    """There is no phone to debit: this account was registered without one."""

    code = "no_phone"


def top_up_effects(operation: Operation) -> Iterator[Effect]:
    """The debit of the phone."""
    request = TOP_UP.read(operation)
    return effect_of(operation, DEBIT_STEP, DEBIT, request.amount, request.currency)


def _topped_up(operation: Operation) -> dict[str, int]:
    credited = operation.step(SETTLE_STEP).state is StepState.DONE
    return {"": TOP_UP.read(operation).amount} if credited else {}


TOP_UP = Contract(
    "wallet_top_up",
    TopUp,
    frozenset({Door.HTTP, Door.USSD}),
    (DEBIT,),
    top_up_effects,
    legs=lambda request: (MOBILE_MONEY, request.wallet),
    accounts=frozenset({MOBILE_MONEY}),
    status_events=StatusEvents("topup", "/v1/wallets/top-up/{id}", lambda request: (request.amount, request.currency)),
    refunding=Refunding(
        _topped_up,
        lambda request: request.currency,
        lambda request: request.msisdn,
        DEBIT_STEP,
        legs=lambda request: (request.wallet, MOBILE_MONEY),
    ),
)
TRANSFER = Contract(
    "wallet_transfer",
    Transfer,
    frozenset({Door.HTTP, Door.USSD}),
    (),
    no_effects,
    legs=lambda request: (request.sender, request.to),
    status_events=StatusEvents(
        "transfer", "/v1/wallets/transfers/{id}", lambda request: (request.amount, request.currency)
    ),
)
CONTRACTS = (TOP_UP, TRANSFER)


def top_up(core: Core, me: Person, amount: int, currency: str, operator: str | None = None) -> Command:
    """amount: minor units, as in all of these. operator: if the request names one. Raises NoPhone, InvalidField."""
    if me.msisdn is None:
        raise NoPhone
    command = from_wallet(TOP_UP.kind, TopUp(me.id, me.msisdn, amount, currency), me)
    return replace(command, operator=core.route(me.msisdn, currency, operator))


def limited(core: Core, me: Person, command: Command, prompt: Prompt | None) -> Command:
    """The command of a top-up with its limits. prompt: those of a phone that is proven.

    The owner of a phone that is not proven may be somebody else: they are asked little, and never debited unasked.
    Raises PhoneNotProven.
    """
    if me.phone_proven or me.msisdn is None:
        return replace(command, prompt=prompt)
    if not core.settings.operators.named(command.operator or "").asks_payer:
        raise PhoneNotProven
    few = Limit("top-ups of an unproven phone", me.msisdn, UNPROVEN_A_DAY, DAY_S)
    served_by = core.settings.operators.by_number(me.msisdn)
    asked = Prompt(me.msisdn, DEBIT_STEP, UNPROVEN_OPEN, operator=command.operator, served_by=served_by)
    return replace(command, prompt=replace(asked, limits=(few,)))


def transfer(me: Person, to: Person, amount: int, currency: str, note: str | None = None) -> Command:
    command = from_wallet(
        TRANSFER.kind, Transfer(me.id, to.id, to.name, amount, currency, note), me, counterparty=to.id
    )
    return replace(
        command, receivers=notified(to, lambda say: say("You got {amount} from {name}."), amount, currency, me)
    )


def name_in_sms(person: Person) -> str:
    """What somebody else reads of a person: never what could be a link or a phone number in a message from us."""
    return person.name if PLAIN_NAME.fullmatch(person.username or "") else mask(person.msisdn or "") or UNNAMED


def notified(
    person: Person,
    words: Callable[[Say], str],
    amount: int,
    currency: str,
    sender: Person | None = None,
    at_most: int = FEW_A_DAY,
) -> list[dict[str, Any]]:
    """The receivers of a message to a person: nobody without a phone that is proven to be theirs.

    words: given what translates, the text, with places for the amount and for the sender's name.
    at_most: see `receiver`.
    """
    if person.msisdn is None or not person.phone_proven:
        return []
    language = person.language or DEFAULT
    said = words(translator(language)).format(
        amount=say_amount(amount, currency, language), name=name_in_sms(sender) if sender else ""
    )
    return [receiver(person.msisdn, language, said, at_most)]


def from_wallet(
    kind: str,
    request: Request,
    me: Person,
    counterparty: str | None = None,
    payload: Mapping[str, object] | None = None,
) -> Command:
    """The command of a person who moves money of their wallet. Parameters: as of Command."""
    return Command(
        kind,
        request.to_json(),
        me.id,
        subject=me.id,
        counterparty=counterparty,
        payload=payload,
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
    )


def may_send(core: Core, wallet: Document, to: Person | None, amount: int) -> None:
    """Raises InvalidField or InsufficientFunds when it is known at once that this cannot be sent, or withdrawn."""
    if to is None or to.suspended:
        raise unknown_person()
    theirs = core.wallet_of(to.id)
    if theirs["currency"] != wallet["currency"]:
        raise InvalidField("to", f"Their wallet is in {theirs['currency']}, yours in {wallet['currency']}.")
    afford(wallet, amount)


def afford(wallet: Document, amount: int) -> None:
    """Raises InsufficientFunds. What is held may still be given back; the worker finds out whether it is in time."""
    if wallet["balance"] + held_minor(wallet) < amount:
        raise InsufficientFunds


def unknown_person(field: str = "to") -> InvalidField:
    return InvalidField(field, "No account has this username or phone number.")


def held_minor(wallet: Document) -> int:
    """What is set aside for payments under way, in minor units."""
    return sum(wallet["holds"].values())
