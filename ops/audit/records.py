"""The partners' records: the operator's statement, and what the sandbox says really happened."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import requests

STATEMENT_FIELDS = ("reference", "msisdn", "amount", "currency", "status", "date")
READ_TIMEOUT_S = 300


class BadRecord(Exception):
    """The partner's record cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class RecordedEffect:
    """What a partner did.

    recorded_as: its id in the partner's record.
    reference: `<operation id>:<step>`, where the record shows it; else the same as `recorded_as`.
    amount: in main units.
    """

    recorded_as: str
    reference: str
    amount: Decimal


def of_sandbox(url: str) -> Iterator[RecordedEffect]:
    """What really happened in the sandbox, by its `/_truth`. Raises BadRecord."""
    try:
        with requests.get(url, {"format": "ndjson"}, timeout=READ_TIMEOUT_S, stream=True) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if line:
                    effect = json.loads(line)
                    id = effect["request_id"]
                    yield RecordedEffect(id, _reference(effect) or id, Decimal(effect.get("amount", 0)))
    except (requests.RequestException, ValueError, KeyError, InvalidOperation) as error:
        raise BadRecord(f"{url}: {error}") from None


def of_statement(path: Path) -> Iterator[RecordedEffect]:
    """The operator's statement: CSV with the columns STATEMENT_FIELDS; what is not SUCCESSFUL did not happen."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := set(STATEMENT_FIELDS) - set(rows.fieldnames or ()):
                raise BadRecord(f"{path}: no column {', '.join(sorted(missing))}")
            for row in rows:
                if row["status"] == "SUCCESSFUL":
                    yield RecordedEffect(row["reference"], row["reference"], Decimal(row["amount"]))
    except (OSError, ValueError, InvalidOperation, csv.Error) as error:
        raise BadRecord(f"{path}: {error}") from None


def _reference(effect: dict[str, str]) -> str:
    """Our reference, from the callback URL that we gave; "" where there is none. Refunds carry that of their own."""
    token = effect.get("callback", "").rpartition("/callbacks/")[2].partition("/")[2]
    return token.rpartition(".")[0]
