"""Every text of the pages in every language."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from core.notices.languages import LANGUAGES
from devtools.stack import ROOT
from web.languages import TRANSLATIONS

SOURCES = [*(ROOT / "web").rglob("*.py"), *(ROOT / "products").rglob("page*.py")]
TEMPLATES = [*(ROOT / "web").rglob("*.html"), *(ROOT / "products").rglob("*.html")]
TRANSLATED = sorted(LANGUAGES.keys() - {"en"})


def in_code(path: Path) -> Iterator[str]:
    """What is given to `say` and `text`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "text") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def in_template(path: Path) -> Iterator[str]:
    for call in Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "say" and isinstance(call.args[0], nodes.Const):
            yield str(call.args[0].value)


def texts() -> set[str]:
    code = {text for path in SOURCES for text in in_code(path)}
    return code | {text for path in TEMPLATES for text in in_template(path)}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_catalogues_are_complete_and_hold_nothing_else(code: str) -> None:
    with (TRANSLATIONS / f"{code}.po").open("rb") as file:
        found = {str(message.id): message for message in read_po(file, locale=code) if message.id}
    assert found.keys() == texts()
    for text, message in found.items():
        assert message.string, text
        assert fields(str(message.string)) == fields(text)
