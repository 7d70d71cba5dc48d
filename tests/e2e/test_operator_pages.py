"""The pages about operators: their commands work as they stand, and their settings and codes are those of the code."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.dialects import DIALECTS
from core.settings import read_settings
from devtools.stack import ROOT, Stack
from tests.conformance.kit import CALLED_BACK_ONLY, REDIRECTS, WITHOUT_PAYOUTS, WITHOUT_REFUNDS
from tests.e2e.pages import Step, fences, missing, steps
from tests.e2e.terminal import PACE, paste
from worker.partners.operators import airtel_answers, daraja_callbacks, gsma_answers, mtn, orange_cm, orange_webpay
from worker.partners.operators.generic import REASONS

FOLDER = ROOT / "docs/how-to"
PAGES = {
    "generic": "connect-your-own-operator.md",
    "mtn": "connect-mtn.md",
    "gsma": "connect-gsma.md",
    "mvola": "connect-mvola.md",
    "airtel": "connect-airtel.md",
    "orange-cm": "connect-orange-cameroon.md",
    "orange-webpay": "connect-orange-webpay.md",
    "daraja": "connect-daraja.md",
    "wave": "connect-wave.md",
}
"""By dialect."""
OF_GSMA = {**gsma_answers.CODES, **gsma_answers.CATEGORIES}
CODES: Mapping[str, Mapping[str, str]] = {
    "generic": {reason: reason.lower() for reason in REASONS},
    "mtn": {**mtn.REASONS, **dict.fromkeys(mtn.MISCONFIGURED, "operator_misconfigured")},
    "gsma": OF_GSMA,
    "mvola": OF_GSMA,
    "airtel": {
        **airtel_answers.PAYMENTS.refusals,
        **{f"{airtel_answers.PAYOUTS.prefix}{code}": ours for code, ours in airtel_answers.PAYOUTS.refusals.items()},
        **dict.fromkeys(airtel_answers.WRONG_PIN, "operator_misconfigured"),
    },
    "orange-cm": orange_cm.REFUSALS,
    "orange-webpay": orange_webpay.REFUSALS,
    "daraja": daraja_callbacks.REFUSALS,
}
"""What the adapters make of the operators' codes. Wave has none of its own."""
SHARED = {"DIALECT", "URL", "PREFIXES", "CURRENCY", "CALLS", "TIMEOUT_S", "SETTLE_WINDOW_S", "CALLBACK_HOST"}
"""Variables of any operator."""
MAX_LINES = 100
REASON = re.compile(r"^\| (`[^|]+) \| `(\w+)` \|$", re.MULTILINE)
SETTING = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def text(dialect: str) -> str:
    return (FOLDER / PAGES[dialect]).read_text()


def start(dialect: str) -> dict[str, str]:
    """The variables of the command that starts the sandbox, the API and a worker with this operator."""
    first, *_ = steps(PAGES[dialect], text(dialect))
    *variables, make, run = first.shell.split()
    assert (make, run) == ("make", "run")
    return dict(variable.split("=", 1) for variable in variables)


def blocks(dialect: str) -> list[Step]:
    """The blocks that follow the start."""
    return steps(PAGES[dialect], text(dialect))[1:]


def settings(dialect: str) -> dict[str, str]:
    """The lines of the block of settings."""
    (block,) = (shown for language, shown in fences(text(dialect)) if language == "ini")
    return dict(SETTING.findall(block))


def test_every_dialect_has_a_page() -> None:
    assert PAGES.keys() == DIALECTS.keys()


def together() -> dict[str, str]:
    """The variables of all pages, so that one installation serves them."""
    started = [start(dialect) for dialect in PAGES]
    merged = {name: value for variables in started for name, value in variables.items()}
    return {**merged, **PACE, "OPERATORS": ",".join(variables["OPERATORS"] for variables in started)}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("operators"), {**together(), "MOCK_APPROVAL_S": "0.5"}) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="module")
def printed(stack: Stack) -> dict[str, str]:
    """What each block printed, by page and line. Readers of all pages pay at the same time, and then audit in turn."""

    def pay(dialect: str) -> dict[str, str]:
        return paste({str(step): step.shell for step in blocks(dialect)[:-1]}, stack)

    with ThreadPoolExecutor(len(PAGES)) as readers:
        found = {name: output for page in readers.map(pay, PAGES) for name, output in page.items()}
    return found | paste({str(audit): audit.shell for audit in (blocks(dialect)[-1] for dialect in PAGES)}, stack)


@pytest.mark.xdist_group("embedded")
@pytest.mark.parametrize("dialect", PAGES)
def test_the_blocks_of_a_page_run_as_they_stand(dialect: str, printed: dict[str, str]) -> None:
    *payments, audit = blocks(dialect)
    assert payments[-1].samples
    assert audit.commands == [".venv/bin/quittance audit"]
    for step in payments:
        assert '"status":"succeeded"' in printed[str(step)]
        assert [absent for sample in step.samples for absent in missing(sample, printed[str(step)])] == [], step
    assert re.search(r"double +│ 0 ", printed[str(audit)])


@pytest.mark.parametrize("dialect", PAGES)
def test_the_page_names_every_setting_of_its_dialect(
    dialect: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines, needs = settings(dialect), DIALECTS[dialect]
    prefix = lines["OPERATORS"].upper().replace("-", "_") + "_"
    named = {name.removeprefix(prefix).removesuffix("_FILE") for name in lines.keys() - {"OPERATORS"}}
    assert named - SHARED == {*needs.credentials, *needs.options}
    for option, default in needs.options.items():
        assert f"{prefix}{option}_FILE" in lines or lines[prefix + option] == default, option
    (tmp_path / "secret").write_text("s")
    for name, value in lines.items():
        monkeypatch.setenv(name, str(tmp_path / "secret") if name.endswith("_FILE") else value)
    (operator,) = read_settings().operators.operators
    assert (operator.name, operator.dialect, operator.prefixes) == (
        start(dialect)["OPERATORS"],
        dialect,
        tuple(lines[f"{prefix}PREFIXES"].split(",")),
    )


@pytest.mark.parametrize("dialect", CODES)
def test_the_page_says_what_the_adapter_makes_of_each_code(dialect: str) -> None:
    rows = REASON.findall(text(dialect))
    said = {code: ours for theirs, ours in rows for code in re.findall(r"`(\w+)`", theirs)}
    assert said == CODES[dialect]


@pytest.mark.parametrize("dialect", PAGES)
def test_the_page_is_short_and_names_the_check(dialect: str) -> None:
    assert len(text(dialect).splitlines()) <= MAX_LINES
    assert f"`quittance partner check {start(dialect)['OPERATORS']} --phone ...`" in text(dialect)


def test_the_overview_starts_operators_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    overview = (FOLDER / "connect-an-operator.md").read_text()
    (command,) = (step.shell.split() for step in steps("connect-an-operator.md", overview))
    variable, *make_run = command
    name, value = variable.split("=")
    monkeypatch.setenv(name, value)
    assert make_run == ["make", "run"]
    assert len(read_settings().operators.operators) == 3


def test_the_overview_says_what_each_dialect_does() -> None:
    overview = (FOLDER / "connect-an-operator.md").read_text()
    rows = {
        cells[0]: cells for cells in (line.split(" | ") for line in overview.splitlines()) if cells[0].startswith("| [")
    }
    assert len(rows) == len(DIALECTS)
    for dialect, page in PAGES.items():
        (row,) = (cells for first, cells in rows.items() if f"]({page})" in first)
        _, named, _, refunds, payouts, redirect, callbacks = row
        assert named == f"`{dialect}`"
        assert (refunds == "by hand") == (dialect in WITHOUT_REFUNDS)
        assert (payouts == "no") == (dialect in WITHOUT_PAYOUTS)
        assert (redirect == "yes") == (dialect in REDIRECTS)
        assert callbacks.startswith("required") == (dialect in CALLED_BACK_ONLY)
