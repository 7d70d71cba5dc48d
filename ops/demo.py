"""`quittance demo`: one payment of two fines, shown live, through an operator that answers 504."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.live import Live
from rich.table import Table

from devtools.stack import NotReady, Stack

LONGEST_S = 45
PLATE = "AB-123-CD"
SETTINGS = {"MOCK_LATENCY_MAX_S": "1", "MOCK_TIMEOUT_RATE": "0", "MOCK_SEED": "demo", "LOG_LEVEL": "WARNING"}


@click.command()
def demo() -> None:
    """Pay two fines through an operator that answers 504, then stop."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="quittance-demo-") as folder, Stack(Path(folder), SETTINGS) as stack:
        console.rule("[bold]Quittance: accepted in milliseconds, settled exactly once")
        try:
            stack.start()
        except NotReady as error:
            raise click.ClickException(str(error)) from None
        console.print(f"Running: the sandbox {stack.mock_api}, the API {stack.api}, and a worker.\n")
        fines = requests.get(f"{stack.mock_api}/registry/amendes", {"immatriculation": PLATE}, timeout=10).json()
        console.print(_fines(f"What {PLATE} owes", fines))
        fault = {"call": "debit", "answer": "504-done"}
        requests.post(f"{stack.mock_api}/_faults", json=[fault], timeout=10).raise_for_status()
        console.print(
            "The sandbox's operator will do the debit and answer [red]504[/red]: we cannot know whether money moved.\n"
        )
        started = time.perf_counter()
        answer = requests.post(f"{stack.api}/amendes/payments/", json=fines, timeout=10)
        took_ms = (time.perf_counter() - started) * 1000
        answer.raise_for_status()
        console.print(f"POST /amendes/payments/ -> [green]{answer.status_code}[/green] in {took_ms:.0f} ms")
        payment: dict[str, Any] = {}
        with Live(console=console, refresh_per_second=10) as live:
            for payment in _follow(answer.json()["status_url"]):
                live.update(_timeline(payment))
        truth = requests.get(f"{stack.mock_api}/_truth", timeout=10).json()
    console.print("\n", _fines("In the end", payment), sep="")
    debits = len(truth["debits"])
    console.print(f"The payment has [bold]{payment['status']}[/bold]; at the operator there is {debits} debit.")
    if payment["status"] != "succeeded" or debits != 1 or len(truth["fines"]) != len(payment["amendes"]):
        raise click.ClickException("the payment was not settled exactly once")


def _follow(url: str) -> Iterator[dict[str, Any]]:
    """The payment each time it has changed, until it has ended."""
    headers: dict[str, str] = {}
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        answer = requests.get(url, headers=headers, timeout=15)
        if answer.status_code == 304:
            continue
        headers = {"Prefer": "wait=5", "If-None-Match": answer.headers["ETag"]}
        payment: dict[str, Any] = answer.json()
        yield payment
        if payment["status"] in ("succeeded", "partially_succeeded", "refunded", "failed"):
            return
    raise click.ClickException(f"the payment has not ended within {LONGEST_S} seconds")


def _timeline(payment: dict[str, Any]) -> Table:
    table = Table(title=f"Payment {payment['id']}", title_justify="left")
    for column in ("time (UTC)", "what happened"):
        table.add_column(column)
    for entry in payment["timeline"]:
        style = {"step_unresolved": "yellow", "succeeded": "bold green"}.get(entry["event"])
        table.add_row(entry["at"][11:23], entry["text"], style=style)
    return table


def _fines(title: str, document: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("fine", "amount", "status"):
        table.add_column(column)
    for fine in document["amendes"]:
        table.add_row(fine["id"], f"{fine['amount']} {document['currency']}", fine["status"])
    return table
