"""The option `--json` of every command that prints data."""

import json
import re
from typing import Any

import click

_COMMANDS = re.compile("[\x7f-\x9f]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Prints one JSON document on standard output. Its shape is in docs/reference/cli.md.

    What commands a terminal is escaped: JSON itself does so below U+0020 only.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    click.echo(_COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
