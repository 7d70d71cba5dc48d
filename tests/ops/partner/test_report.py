"""The printed report, and the words that it quotes."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from core.operators import OperatorSettings
from devtools.stack import ROOT
from ops.partner.check import Report, check
from ops.partner.promise import LOST, QUOTES, Standing
from ops.partner.report import as_json, as_tables
from ops.partner.subject import Row, Subject, Verdict
from tests.ops.partner.kit import URL, Partner


def printed(subject: Subject, report: Report) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(as_tables(subject, report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("standing", Standing)
def test_the_promises_are_sentences_of_the_guarantees(standing: Standing) -> None:
    guarantees = " ".join((ROOT / "docs/explanation/guarantees.md").read_text().replace("**", "").split())

    assert LOST[standing]
    assert QUOTES[standing]
    for quote in QUOTES[standing]:
        assert quote in guarantees


def test_the_table_says_what_to_set_and_what_is_promised() -> None:
    partner = Partner(idempotent=False, lag_s=40)
    subject = replace(partner.subject, operator=OperatorSettings("mtn-ci", "generic", URL))

    shown = printed(subject, check(subject))

    assert "MTN_CI_SETTLE_WINDOW_S=80: twice the longest" in shown
    assert "It is NOT idempotent" in shown
    assert Standing.BY_OURS in shown
    assert "unsafe" in shown


def test_what_a_partner_says_is_not_read_as_markup() -> None:
    subject = Partner().subject

    shown = printed(subject, Report((Row("debit", "[bold]said[/bold] [/]", Verdict.OK),)))

    assert "[bold]said[/bold] [/]" in shown


def test_the_json_has_the_same_rows() -> None:
    partner = Partner()
    report = check(partner.subject)

    document = as_json(partner.subject, report)

    assert [each["name"] for each in document["probes"]] == [row.name for row in report.rows]
    assert (document["settle_window_s"], document["unsafe"]) == (30, False)
    assert document["standing"] == "idempotent by our reference"
