"""What moved: as our operations tell it, and as the partners do."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import requests

from core.money import to_text
from core.operation import Operation, Status, StepState

STATEMENT_FIELDS = ("reference", "msisdn", "amount", "currency", "status", "date")
READ_S = 300


class BadRecord(Exception):
    """The partner's record cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Effect:
    """reference: `<operation id>:<step>`; amount: in main units; certain: False for what may not have happened."""

    reference: str
    amount: Decimal
    certain: bool = True


def of_fine_payment(operation: Operation) -> Iterator[tuple[str, Effect]]:
    """The effects of a fine payment, each with its kind: debit, refund or fine."""
    asked = operation.request
    settlements = [(f"settle:{fine['id']}", "fine", fine["amount"]) for fine in asked["amendes"]]
    refused = sum(amount for step, _, amount in settlements if operation.step(step).state is not StepState.DONE)
    for step, kind, minor in [("debit", "debit", asked["amount"]), *settlements, ("refund", "refund", refused)]:
        done = operation.step(step).state is StepState.DONE
        if done or not operation.terminal:
            amount = Decimal(to_text(minor, asked["currency"]))
            yield kind, Effect(operation.reference(step), amount, certain=done)


def of_consultation(operation: Operation) -> Iterator[tuple[str, Effect]]:
    """The charge of a consultation that has ended."""
    asked = operation.request
    done = operation.step("charge").state is StepState.DONE
    if done or (not operation.terminal and operation.status is not Status.OPEN):
        amount = Decimal(to_text(asked["price"], asked["currency"]))
        yield "charge", Effect(operation.reference("charge"), amount, certain=done)


def of_event(operation: Operation) -> Iterator[tuple[str, Effect]]:
    """That it was published; no partner keeps a record of that."""
    if operation.step("publish").state is StepState.DONE:
        yield "event", Effect(operation.reference("publish"), Decimal(0))


def of_top_up(operation: Operation) -> Iterator[tuple[str, Effect]]:
    """The debit of a phone that tops up a wallet."""
    asked = operation.request
    done = operation.step("debit").state is StepState.DONE
    if done or not operation.terminal:
        yield "debit", Effect(operation.reference("debit"), Decimal(to_text(asked["amount"], asked["currency"])), done)


def of_sms(operation: Operation) -> Iterator[tuple[str, Effect]]:
    """The message, which has no amount."""
    done = operation.step("send").state is StepState.DONE
    if done or not operation.terminal:
        yield "message", Effect(operation.reference("send"), Decimal(0), certain=done)


def of_nothing_outside(_: Operation) -> Iterator[tuple[str, Effect]]:
    """What happens in our own ledger alone, which is proven apart."""
    return iter(())


EFFECTS: Mapping[str, Callable[[Operation], Iterator[tuple[str, Effect]]]] = {
    "fine_payment": of_fine_payment,
    "consultation": of_consultation,
    "event": of_event,
    "wallet_top_up": of_top_up,
    "wallet_transfer": of_nothing_outside,
    "wallet_withdrawal": of_nothing_outside,
    "service_payment": of_nothing_outside,
    "sms": of_sms,
}
"""By kind of operation: one line a product."""


def of_sandbox(url: str) -> Iterator[Effect]:
    """What really happened in the sandbox, by its `/_truth`. Raises BadRecord."""
    try:
        with requests.get(url, {"format": "ndjson"}, timeout=READ_S, stream=True) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if line:
                    effect = json.loads(line)
                    yield Effect(effect["request_id"], Decimal(effect.get("amount", 0)))
    except (requests.RequestException, ValueError, KeyError, InvalidOperation) as error:
        raise BadRecord(f"{url}: {error}") from None


def of_statement(path: Path) -> Iterator[Effect]:
    """The operator's statement: CSV with the columns STATEMENT_FIELDS; what is not SUCCESSFUL did not happen."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := set(STATEMENT_FIELDS) - set(rows.fieldnames or ()):
                raise BadRecord(f"{path}: no column {', '.join(sorted(missing))}")
            for row in rows:
                if row["status"] == "SUCCESSFUL":
                    yield Effect(row["reference"], Decimal(row["amount"]))
    except (OSError, ValueError, InvalidOperation, csv.Error) as error:
        raise BadRecord(f"{path}: {error}") from None
