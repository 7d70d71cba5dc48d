"""The commands by which the pages show how a machine gets a token run as they stand."""

from collections.abc import Iterator

import pytest

from devtools.stack import ROOT, Stack
from tests.e2e.pages import missing, steps
from tests.e2e.terminal import paste

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("machines"), {"ADMIN_TOKEN": "so that no route is open to anyone"}) as stack:
        stack.start(["api"])
        yield stack


def test_the_pages_show_how_a_machine_gets_a_token(stack: Stack) -> None:
    [made, used] = [
        step
        for page, section in (("docs/how-to/operate.md", "## Keys"), ("docs/reference/api-guide.md", "### Tokens"))
        for step in steps(page, (ROOT / page).read_text().partition(section)[2])
        if "grant_type" in step.shell
    ]
    assert "quittance keys create" in made.shell
    known = 'CLIENT_ID="${CLIENT%%:*}" CLIENT_SECRET="${CLIENT#*:}"'

    printed = paste(
        {"made": made.shell.replace("quittance ", ".venv/bin/quittance "), "known": known, "used": used.shell}, stack
    )

    for step, name in ((made, "made"), (used, "used")):
        assert step.samples
        assert [absent for sample in step.samples for absent in missing(sample, printed[name])] == [], printed
