"""What others wrote neither commands a terminal nor is read as markup."""

from io import StringIO

import pytest
from rich.console import Console

from devtools.as_json import print_json
from ops.terminal import literal


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[/x] [red]a", "[/x] [red]a"),
        ("Bad gateway\x1b[1A\x1b]52;c;", "Bad gateway?[1A?]52;c;"),
        ("\x9b2J \u202e", "?2J ?"),
        ("two\nlines", "two\nlines"),
        (504, "504"),
    ],
)
def test_a_text_is_shown_as_it_is(written: object, shown: str) -> None:
    console = Console(file=StringIO(), width=80, force_terminal=False)
    console.print(literal(written))
    assert console.file.getvalue() == f"{shown}\n"  # type: ignore[attr-defined]


def test_json_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"body": "\x1b[2J\x9b2J\x7f é"})
    assert capsys.readouterr().out == '{\n  "body": "\\u001b[2J\\u009b2J\\u007f é"\n}\n'
