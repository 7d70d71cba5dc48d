"""The picture of the menus in the documentation is the one that the menus draw."""

import re

from api.ussd.menu import Menus, graph
from core.installed import DEFAULT
from devtools.stack import ROOT

MENUS = Menus(DEFAULT.members("ussd", "ENTRIES"))

NODE = r'(\w+)(?:\["[^"\n]+"\]|\(\["[^"\n]+"\]\))'
EDGE = r'(\w+|\w+\(\["[^"\n]+"\]\))(?: -- "\d+ [^"\n]+")? --> (\w+)'


def test_the_documented_picture_is_current() -> None:
    assert f"```mermaid\n{graph(MENUS)}\n```" in (ROOT / "docs/reference/ussd.md").read_text()


def test_every_screen_is_in_the_picture_and_can_be_reached() -> None:
    # Given the picture as nodes and edges, and nothing else
    first, *lines = graph(MENUS).splitlines()
    assert first == "flowchart LR"
    edges = [match for line in lines if (match := re.fullmatch(rf"  {EDGE}", line))]
    nodes = {match[1] for line in lines if (match := re.fullmatch(rf"  {NODE}", line))}
    assert len(edges) + len(nodes) == len(lines)

    # I expect every screen to be one of them, with an arrow that leads there
    assert nodes == {name.replace(".", "_") for name in MENUS.screens} | {"over"}
    assert {edge[2] for edge in edges} == nodes


def test_no_name_in_the_picture_is_a_word_of_mermaids_own() -> None:
    words = {"end", "graph", "subgraph", "flowchart", "style", "class", "click", "default", "linkStyle", "direction"}

    assert not words & set(re.findall(r"^  (\w+)|--> (\w+)", graph(MENUS), re.MULTILINE)[0])
    assert not re.findall(rf"(?:^  |--> )(?:{'|'.join(words)})\b", graph(MENUS), re.MULTILINE)
