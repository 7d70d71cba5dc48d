"""The documentation says what the code does: generated parts, settings with their defaults, numbers, and words."""

import json
import re
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from api.http.answers import RETRY_AFTER_S
from api.http.blueprint import MAX_BODY_BYTES
from api.http.headers import MAX_WAIT_S
from api.ussd.sessions import RESUME_S
from core.broker.rabbitmq.publisher import MAX_UNCONFIRMED, MAX_WAITING
from core.identity.pins import LOCKS_MIN
from core.operation import TRANSITIONS, Status
from core.settings import read_settings, setting_names
from core.store.sqlite import BATCH
from devtools import reference
from devtools.reference import NoMarkers, as_json, diagram, example, filled, manual
from devtools.stack import ROOT
from products.events import routes as event_routes
from products.wallets.contract import SAME_WITHIN_S
from worker import engine, policy
from worker.__main__ import GRACE_S
from worker.partners import breaker
from worker.partners.http import MAX_ANSWER_BYTES
from worker.policy import Policy
from worker.process import OPTIONAL, REQUIRED

DOCS = ROOT / "docs"
SOURCES = re.findall(r"-m devtools\.reference (\S+) (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0]
"""Where `make docs` finds the commands and the catalogue of events."""
COMMANDS, EVENTS = map(resolve_name, SOURCES)
PAGES = sorted(page for page in DOCS.rglob("*.md") if "fr" not in page.relative_to(DOCS).parts)
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \|", re.MULTILINE)
POLICY = Policy(settle_window_s=30)


def text(name: str) -> str:
    return (DOCS / name).read_text()


def words(name: str) -> str:
    """The page's text without its line breaks."""
    return " ".join(text(name).split())


@pytest.mark.parametrize(
    ("page", "part"),
    [("states.md", diagram()), ("cli.md", manual(COMMANDS)), ("webhooks.md", EVENTS.page())],
    ids=["states", "commands", "events"],
)
def test_a_generated_part_is_what_the_code_says(page: str, part: str) -> None:
    assert text(f"reference/{page}") == filled(text(f"reference/{page}"), part), "run `make docs`"


def test_the_schema_of_webhooks_allows_every_example_on_their_page() -> None:
    assert text("reference/webhooks.schema.json") == as_json(EVENTS.schema()), "run `make docs`"
    checker = jsonschema.Draft202012Validator(json.loads(text("reference/webhooks.schema.json")))
    shown = re.findall(r'^\{"type": .+\}$', text("reference/webhooks.md"), re.MULTILINE)
    assert {json.loads(body)["type"] for body in shown} == set(checker.schema["properties"]["type"]["enum"])
    assert len(shown) >= 50
    for body in shown:
        checker.validate(json.loads(body))
    for member in ("phone", "msisdn", "name"):
        assert not checker.is_valid({**json.loads(shown[0]), member: "x"})


def test_the_diagram_has_every_transition_and_every_end() -> None:
    drawn = diagram()
    assert all(f"  {old} --> {new}: {reason}\n" in drawn for (old, new), reason in TRANSITIONS.items())
    assert {end for end in Status if f"  {end} --> [*]\n" in drawn} == {end for end in Status if _ends(end)}
    assert {begin for begin in Status if f"  [*] --> {begin}\n" in drawn} == {Status.OPEN, Status.ACCEPTED}


def _ends(status: Status) -> bool:
    return all(old is not status for old, _ in TRANSITIONS)


def test_the_manual_shows_commands_of_groups_and_hides_hidden_ones() -> None:
    inner = click.Group("inner", help="Both.", commands=[click.Command("seen", help="One."), _hidden()])
    option = click.Option(["--a-or-b"], type=click.Choice(["a", "b"]), help="Which.")
    plain = click.Command("plain", params=[option], help="Two\nlines.\n\n\b\nas  it\nstands")
    printed = manual(click.Group("top", commands=[inner, plain]))
    titles = re.findall(r"^## `(.+)`$", printed, re.MULTILINE)
    assert titles == ["quittance inner", "quittance inner seen", "quittance plain"]
    assert "quittance plain [OPTIONS]" in printed
    assert "| `--a-or-b [a\\|b]` | Which. |" in printed
    assert "\n\nTwo lines.\n\n```text\nas  it\nstands\n```\n" in printed
    assert "--help" not in printed


def test_the_manual_loads_what_a_group_loads_when_it_is_called() -> None:
    stand_in, real = click.Command("late", help="A stand-in."), click.Command("late", help="The real one.")

    class Lazy(click.Group):
        def resolve_command(
            self, ctx: click.Context, args: list[str]
        ) -> tuple[str | None, click.Command | None, list[str]]:
            return args[0], real, args[1:]

    assert "The real one." in manual(Lazy("top", commands=[stand_in]))


def _hidden() -> click.Command:
    return click.Command("unseen", help="None.", hidden=True)


def test_a_page_without_markers_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NoMarkers):
        filled("a page", "a part")
    (tmp_path / "states.md").write_text("a page")
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    assert CliRunner().invoke(reference.main, SOURCES).exit_code == 1
    assert (tmp_path / "states.md").read_text() == "a page"


def documented_settings() -> dict[str, str]:
    """The default of each setting as its page says it, by variable."""
    rows = ROW.findall(text("reference/settings.md"))
    assert len(rows) == len(dict(rows)), "a setting is documented twice"
    return dict(rows)


def test_the_settings_page_lists_every_setting_once_and_nothing_else() -> None:
    assert sorted(documented_settings()) == sorted([*setting_names(), "MOCK_PORT"])


def test_the_example_of_settings_is_written_from_their_page() -> None:
    assert (ROOT / ".env.example").read_text() == example(text("reference/settings.md")), "run `make docs`"


def test_an_example_shows_what_can_be_copied_and_describes_what_cannot() -> None:
    rows = (
        "| `A` | `x,y` | one of `p` or [q](z.md) |",
        "| `B` | none | two |",
        "| `C` | the sandbox, `/c` | all | three |",
    )
    written = example("\n".join(["words", "## Part", "", "| variable | default | meaning |", "|---|---|---|", *rows]))
    listed = "# --- Part ---\n\n# One of p or q.\n#A=x,y\n\n# Two. Default: none.\n#B=\n\n"
    assert written.endswith(f"{listed}# Three.\n#C=http://127.0.0.1:8090/c\n")


def test_the_settings_page_says_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*setting_names(), "MOCK_PORT", "SCREENING_URL2"]:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    settings = read_settings()
    sandbox_of = {"mock_port": 8090, "sandbox_url": "http://127.0.0.1:8090"}
    values: dict[str, Any] = {**vars(settings), **sandbox_of, "operator_url": settings.operators.operators[0].url}
    for section in settings.sections.values():
        values |= vars(section)
    checked = 0
    for name, default in documented_settings().items():
        value = values.get(name.lower())
        shown = ",".join(value) if isinstance(value, list) else str(value)
        if sandbox := re.fullmatch(r"the sandbox, `(.+)`", default):
            assert shown == f"http://127.0.0.1:8090{sandbox[1]}", name
        elif literal := re.fullmatch(r"`(.+)`", default):
            assert shown == literal[1], name
        else:
            continue
        checked += 1
    assert checked >= 20


FACTS = [
    ("explanation/architecture.md", f"within {policy.SEND_WITHIN_S} s of its intent"),
    ("decisions/0002-compare-and-set-store.md", f"within {policy.SEND_WITHIN_S} s of its intent"),
    ("explanation/architecture.md", f"at most {engine.MAX_CONCURRENT_CALLS} at once"),
    ("explanation/architecture.md", f"`in_doubt` after {POLICY.in_doubt_after_s / 60:g} minutes of doubt"),
    ("explanation/architecture.md", f"`needs_review` after {POLICY.review_after_s / 3600:g} hours"),
    ("explanation/architecture.md", f"at most {POLICY.max_enquiry_wait_s / 60:g} minutes apart"),
    ("explanation/architecture.md", f"| `REQUIRED` | undo, then fail | {REQUIRED.deadline_s / 60:g} minutes |"),
    ("explanation/architecture.md", f"| `OPTIONAL` | go on without it | {OPTIONAL.deadline_s / 3600:g} hours |"),
    ("explanation/architecture.md", f"the same request within {SAME_WITHIN_S} seconds"),
    ("reference/api-guide.md", f"the same request within {SAME_WITHIN_S} seconds"),
    ("reference/api-guide.md", f"at most {MAX_WAIT_S} seconds"),
    ("reference/api-guide.md", f"Retry-After: {RETRY_AFTER_S}"),
    (
        "reference/errors.md",
        f"larger than {MAX_BODY_BYTES // 1024} KiB; for an event, {event_routes.MAX_BODY_BYTES // 1024} KiB",
    ),
    ("reference/ussd.md", f"within {RESUME_S} seconds"),
    ("how-to/connect-a-partner.md", f"after {breaker.FAILURES} calls without a usable answer"),
    ("how-to/connect-a-partner.md", f"larger than {MAX_ANSWER_BYTES // 1024} KiB"),
    ("how-to/operate.md", f"After {breaker.FAILURES} calls without a usable answer"),
    ("how-to/operate.md", f"{breaker.OPEN_S} seconds later, then up to {breaker.MAX_OPEN_S} seconds"),
    ("how-to/operate.md", f"three wrong PINs lock it for {LOCKS_MIN[0]} minutes"),
    ("how-to/deploy.md", f"Give a worker {GRACE_S} seconds to end"),
    ("decisions/0007-a-rabbitmq-layer-of-our-own.md", f"{MAX_WAITING:,} waiting and {MAX_UNCONFIRMED:,} unconfirmed"),
    ("decisions/0008-one-sqlite-writer-per-process.md", f"at most {BATCH} writes"),
]


@pytest.mark.parametrize(("page", "fact"), FACTS)
def test_a_number_on_a_page_is_that_of_the_code(page: str, fact: str) -> None:
    assert fact in words(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_link_to_a_heading_finds_it(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors(page.parent / path if path else page), f"{path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index() -> None:
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#:]+)\)", text("README.md"))}
    ours = {page for page in PAGES if page.parent.name in ("reference", "explanation")}
    assert ours <= linked
    assert len(ours) > 5


def test_examples_in_python_use_names_that_exist() -> None:
    blocks = re.findall(r"```python\n(.*?)```", text("how-to/connect-a-partner.md"), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {"__name__": __name__}
    for block in blocks:
        exec(block, names)  # noqa: S102 (our own page)
    reply = names["Insurer"](PlayedHttp(), None).insure("op-1:insure", "AB-123-CD", 15000, "XOF")
    assert reply == ("POST", "/policies", "op-1:insure")
    settings = SimpleNamespace(of=lambda section: section("http://insurer.example"))
    partners = SimpleNamespace(connect=lambda *_: (PlayedHttp(), None))
    (process,) = names["processes"](SimpleNamespace(core=SimpleNamespace(settings=settings), partners=partners))
    played = SimpleNamespace(reference=lambda name: f"op-1:{name}", request={"plate": "AB-123-CD"})
    ((insure,),) = process.stages(played)
    assert insure.submit(played) == ("POST", "/policies", "op-1:insure")
    assert insure.recovery.ask(played) == "op-1:insure"


class PlayedHttp:
    """What the example's adapter needs of PartnerHttp."""

    def enquire(self, reference: str) -> str:
        return reference

    def submit(self, method: str, path: str, body: dict[str, Any]) -> tuple[str, str, str]:
        return method, path, body["request_id"]


LITERARY = re.compile(
    r"\b(?:one sees|one does|who (?:types|dials|declares)|(?:is|are|be) told|himself|he|his|him)\b", re.IGNORECASE
)
"""Turns that plain English does without: see Plain English in CONTRIBUTING.md."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_pages_are_in_plain_english(page: Path) -> None:
    plain = " ".join(page.read_text().split())
    assert LITERARY.findall(plain) == []
    assert "python -m ops" not in plain, "the command is called quittance"


def test_each_row_of_the_security_page_names_a_test_that_is_there() -> None:
    rows = re.findall(r"^\| (\d+\.\d+\.\d+.*) \| .+ \| (.+) \|$", (DOCS / "security.md").read_text(), re.MULTILINE)
    assert len(rows) > 30
    for requirement, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", tests)
        assert named, requirement
        assert all((ROOT / path).is_file() for path in named), requirement
