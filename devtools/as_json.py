"""The option `--json` of every command that prints data."""

import json
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Prints one JSON document on standard output. Its shape is in docs/reference/cli.md."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
