"""`python -m ops keys`: API keys of machine clients."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table

from core.api_keys import SCOPES, ApiKeys
from core.bootstrap import open_store
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.settings import BadSettings, read_settings


@click.group()
def keys() -> None:
    """Create, list and revoke the API keys of machine clients."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(sorted(SCOPES)), help="What it may.")
def create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key. It is shown this once."""
    with _keys() as found:
        key, text = found.create(name, frozenset(scopes))
    click.echo(f"{key.id} for {name}. This is shown once:", err=True)
    click.echo(text)


@keys.command("list")
def list_keys() -> None:
    """List all keys, also those that were revoked."""
    table = Table(box=None)
    for column in ("id", "name", "scopes", "created", "revoked"):
        table.add_column(column, no_wrap=column == "id", min_width=36 if column == "id" else None, overflow="fold")
    with _keys() as found:
        for key in found.all():
            table.add_row(key.id, key.name, ", ".join(sorted(key.scopes)), key.created_at, key.revoked_at or "")
    Console().print(table)


@keys.command()
@click.argument("id")
def revoke(id: str) -> None:
    """Refuse a key from now on."""
    with _keys() as found:
        if not found.revoke(id):
            raise click.ClickException("there is no such key that is still good")
    click.echo(f"{id} is revoked")


@contextmanager
def _keys() -> Iterator[ApiKeys]:
    try:
        store = open_store(read_settings())
        try:
            yield ApiKeys(store, SystemClock())
        finally:
            store.close()
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
