"""A report as a table and as JSON."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ops.partner.check import Report
from ops.partner.promise import LOST, QUOTES
from ops.partner.subject import Subject, Verdict

STYLES = {Verdict.OK: "green", Verdict.CAREFUL: "yellow", Verdict.UNSAFE: "bold red", Verdict.UNKNOWN: "dim"}


def variable(subject: Subject) -> str:
    """The name of the setting of the settle window."""
    return f"{subject.operator.name.upper().replace('-', '_')}_SETTLE_WINDOW_S"


def as_tables(subject: Subject, report: Report) -> Group:
    """The report for a terminal. What the partner says is never read as markup."""
    operator = subject.operator
    title = f"{operator.name} ({operator.dialect}) at {operator.url}"
    table = Table(title=Text(title), title_justify="left")
    for column in ("probe", "seen", "verdict"):
        table.add_column(column)
    for row in report.rows:
        table.add_row(row.name, Text(row.seen), Text(row.verdict, style=STYLES[row.verdict]))
    parts: list[Table | Text] = [table]
    if report.window is not None:
        parts.append(Text(f"\n{variable(subject)}={report.window.seconds}: {report.window.why}."))
    if report.standing is not None:
        promise = Table(title="\nWhat is promised with this partner", title_justify="left", show_header=False)
        promise.add_row("it is", Text(report.standing))
        promise.add_row("after a lost answer", Text(LOST[report.standing]))
        for quote in QUOTES[report.standing]:
            promise.add_row("guarantees.md", Text(f"“{quote}”"))
        parts.append(promise)
    return Group(*parts)


def as_json(subject: Subject, report: Report) -> dict[str, Any]:
    """The report for a program."""
    standing, window = report.standing, report.window
    return {
        "operator": subject.operator.name,
        "dialect": subject.operator.dialect,
        "url": subject.operator.url,
        "probes": [{"name": row.name, "seen": row.seen, "verdict": row.verdict.value} for row in report.rows],
        "settle_window_s": window and window.seconds,
        "why": window and window.why,
        "standing": standing and standing.value,
        "after_a_lost_answer": standing and LOST[standing],
        "promises": list(QUOTES[standing]) if standing else [],
        "unsafe": report.is_unsafe,
    }
