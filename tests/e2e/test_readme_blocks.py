"""The blocks of the README and the tutorial work as they stand, and print what the pages show."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.stack import ROOT, Stack
from tests.e2e.pages import Sample, Step, fences, fits, missing, steps
from tests.e2e.terminal import PACE, paste

pytestmark = pytest.mark.xdist_group("embedded")

TRANSLATED = {"README.md": "README.fr.md", "docs/tutorial.md": "docs/fr/tutorial.md"}
"""The pages in English, in the order in which a newcomer reads them, and their French."""
NOT_RUN = {
    "make demo": "runs in tests/e2e/test_processes.py",
    "make run": "goes on until Ctrl-C",
    "API_PORT=9080 MOCK_PORT=9090 make run": "goes on until Ctrl-C",
    "MOCK_LATENCY_MAX_S=1 MOCK_TIMEOUT_RATE=0 make run": "goes on until Ctrl-C",
    "ALLOW_SANDBOX=1 docker compose --profile sandbox up --build --scale worker=3": "goes on, and needs Docker",
    "make test": "is what runs this",
    "make chaos": "takes minutes; runs in tests/e2e/test_chaos.py",
    "make bench": "takes minutes",
    "make ci": "runs `make test`",
}


def text(name: str) -> str:
    return (ROOT / name).read_text()


def is_run(step: Step) -> bool:
    """Whether a block runs here. One that mixes both kinds of commands is a mistake of the page."""
    kinds = {command not in NOT_RUN for command in step.commands}
    assert len(kinds) == 1, f"{step} mixes commands that run here with commands that do not"
    return kinds.pop()


STEPS = [step for page in TRANSLATED for step in steps(page, text(page)) if is_run(step)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("readme"), PACE) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="module")
def printed(stack: Stack) -> dict[str, str]:
    """What each block printed, by page and line."""
    return paste({str(step): step.shell for step in STEPS}, stack, "".join(step.typed for step in STEPS))


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_block_runs_as_it_stands_and_prints_what_the_page_shows(step: Step, printed: dict[str, str]) -> None:
    output = printed[str(step)]
    assert "urn:quittance:error" not in output
    assert [absent for sample in step.samples for absent in missing(sample, output)] == [], output


@pytest.mark.parametrize(
    "block",
    [
        "false; true",
        "curl -s http://127.0.0.1:8080/nothing",
        "ID=$(curl -s http://127.0.0.1:8080/nothing | cat)",
        'ID=$(echo "{}" | python3 -c "import json, sys; print(json.load(sys.stdin)[\'id\'])")',
        ".venv/bin/quittance nothing",
    ],
)
def test_a_block_that_fails_is_noticed(block: str, stack: Stack) -> None:
    with pytest.raises(AssertionError, match="exit code"):
        paste({"block": block}, stack)


def test_a_sample_that_is_not_true_is_noticed() -> None:
    real = {"status": "failed", "amount": 5, "at": "now", "timeline": [{"event": "accepted"}, {"event": "failed"}]}
    assert fits({"at": "yesterday", "timeline": [{"event": "failed"}]}, real)
    assert not fits({"status": "succeeded"}, real)
    assert not fits({"amount": 7}, real)
    assert not fits({"at": 5}, real)
    assert not fits({"timeline": [{"event": "succeeded"}]}, real)
    assert missing(Sample("json", '{"sum": 5}'), 'before {"amount": 5} after') == ['{"sum": 5}']
    assert missing(Sample("http", 'HTTP/1.1 202 ACCEPTED\nETag: x\n\n{"a": 1}'), 'HTTP/1.1 202 ACCEPTED\n{"a": 2}') == [
        "ETag:"
    ]
    assert missing(Sample("text", "> 2\n│ double │ 0 │\n│ debited │ 7 │\nBye."), "│ double │ 1 │\n│ debited │ 9 │") == [
        "│ double │ 0 │",
        "Bye.",
    ]


def test_each_reason_for_not_running_a_command_is_needed() -> None:
    shown = {command for page in TRANSLATED for step in steps(page, text(page)) for command in step.commands}
    assert NOT_RUN.keys() <= shown


@pytest.mark.parametrize(("english", "french"), TRANSLATED.items())
def test_the_french_page_has_the_same_blocks_and_sections(english: str, french: str) -> None:
    assert fences(text(french)) == fences(text(english))
    levels = [
        re.findall(r"^(#+) ", re.sub(r"^```.*?^```", "", text(page), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
        for page in (english, french)
    ]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("page", [*TRANSLATED, *TRANSLATED.values()])
def test_the_links_and_pictures_of_a_page_are_there(page: str) -> None:
    links = re.findall(r'(?:\]\(|src=")([^)#:"]+)(?:#[^)]*)?[)"]', text(page))
    assert links
    for link in links:
        assert Path(ROOT / page).parent.joinpath(link).exists(), link


def test_the_pictures_are_small_and_fetch_nothing() -> None:
    pictures = [path for path in (ROOT / "docs/pictures").iterdir() if path.suffix in (".svg", ".png")]
    assert len(pictures) >= 2
    for picture in pictures:
        assert picture.stat().st_size < 300_000, picture
        assert not re.search(rb"@font-face|@import|url\(\W?http|xlink:href", picture.read_bytes()), picture


def test_the_readme_is_short() -> None:
    for page in ("README.md", "README.fr.md"):
        assert len(text(page).splitlines()) <= 120
