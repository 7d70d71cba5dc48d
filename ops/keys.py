"""`quittance keys`: API keys of machine clients."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table

from core.identity.api_keys import ApiKey
from devtools.as_json import json_option, print_json
from ops.people_store import people_store
from ops.security import note


@click.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What the key allows. May be repeated.")
@json_option
def create(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Create a key. Its text is shown only once, as the last line."""
    with people_store() as core:
        known = core.settings.installed.scopes
        if unknown := set(scopes) - known:
            raise click.BadParameter(
                f"unknown scope: {', '.join(sorted(unknown))}. Known scopes: {', '.join(sorted(known))}",
                param_hint="--scope",
            )
        key, text = core.api_keys.create(name, frozenset(scopes))
        note(core, "key created", key.id)
    if as_json:
        print_json({**_shown(key), "key": text})
    else:
        click.echo(f"Created key {key.id} for {name}. The next line is shown only once:", err=True)
        click.echo(text)


@click.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, including revoked ones."""
    with people_store() as core:
        found = core.api_keys.all()
    if as_json:
        print_json([_shown(key) for key in found])
        return
    table = Table(box=None)
    for column in ("id", "name", "scopes", "created", "revoked"):
        table.add_column(column, no_wrap=column == "id", min_width=36 if column == "id" else None, overflow="fold")
    for key in found:
        table.add_row(key.id, key.name, ", ".join(sorted(key.scopes)), key.created_at, key.revoked_at or "")
    Console().print(table)


@click.command()
@click.argument("id")
def revoke(id: str) -> None:
    """Refuse a key from now on."""
    with people_store() as core:
        if not core.api_keys.revoke(id):
            raise click.ClickException(f"there is no valid key with the id {id}: `quittance keys list` shows all keys")
        note(core, "key revoked", id)
    click.echo(f"Revoked key {id}.")


def _shown(key: ApiKey) -> dict[str, Any]:
    """The key as JSON, without its text."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
