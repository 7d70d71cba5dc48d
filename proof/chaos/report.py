"""What a run prints: faults, operations by operator, effects and discrepancies."""

from collections import Counter
from typing import Any

from rich.table import Table

from proof.chaos.clients import Clients
from proof.chaos.outcome import Outcome


def run_as_json(
    setup: str,
    faults: Counter[str],
    clients: Clients,
    outcome: Outcome,
    audit: dict[str, Any],
    wrong: list[str],
) -> dict[str, Any]:
    return {
        "setup": setup,
        "faults": dict(faults),
        "accepted": len(clients.accepted),
        "top_ups": len(clients.wallets.top_ups),
        "from_wallets": len(clients.moved),
        "requests_sent_again": clients.repeats,
        "statuses": dict(outcome.statuses),
        "doubts": outcome.doubts.total(),
        "operators": outcome.by_operator(),
        "effects": audit["effects"],
        "discrepancies": audit["discrepancies"],
        "wrong": wrong,
    }


def run_as_table(setup: str, faults: Counter[str], clients: Clients, outcome: Outcome, audit: dict[str, Any]) -> Table:
    table = Table(title=f"Chaos, {setup}", title_justify="left", show_header=False)
    for fault, number in sorted(faults.items()):
        table.add_row(fault, str(number))
    table.add_section()
    table.add_row("accepted", str(len(clients.accepted)))
    table.add_row("accepted top-ups", str(len(clients.wallets.top_ups)))
    table.add_row("accepted from wallets", str(len(clients.moved)))
    table.add_row("requests repeated", str(clients.repeats))
    for name, number in sorted(outcome.statuses.items()):
        table.add_row(name, str(number))
    table.add_row("in doubt, and nobody can be asked", str(outcome.doubts.total()))
    table.add_section()
    for operator, counts in outcome.by_operator().items():
        table.add_row(operator, ", ".join(f"{number} {name}" for name, number in counts.items() if number))
    table.add_section()
    for effect, number in audit["effects"].items():
        table.add_row(f"{effect}s", str(number))
    table.add_row("discrepancies", str(sum(audit["discrepancies"].values())))
    return table
