"""`quittance keys`: API keys of machine clients."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from core.identity.api_keys import ApiKey, Grant
from devtools.as_json import json_option, print_json
from ops.people_store import people_store
from ops.security import note
from ops.terminal import literal

TOPIC_PARTS = 3


def _networks(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(value)) for value in values)
    except ValueError as error:
        raise click.BadParameter(f"{error}: write a network, such as 10.1.0.0/16, or an address") from None


def _topics(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        parts = value.split("/" if "/" in value else ".")
        if len(parts) != TOPIC_PARTS or not all(parts):
            raise click.BadParameter(f"{value!r} has not three parts: write solution.model.action; * stands for any")
    return values


@click.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What the key allows. May be repeated.")
@click.option(
    "--topic",
    "topics",
    multiple=True,
    callback=_topics,
    help="The topics that the key may use, such as clinic.*.*, or clinic/*/* if parts have dots. May be repeated.",
)
@click.option(
    "--from",
    "networks",
    multiple=True,
    callback=_networks,
    help="The only network that the key is good from, such as 10.1.0.0/16. May be repeated.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="How many days the key is good. Without it: until revoked.")
@click.option("--label", default="", help="Tells the keys of one client apart, such as `front desk`.")
@json_option
def create(
    name: str,
    scopes: tuple[str, ...],
    topics: tuple[str, ...],
    networks: tuple[str, ...],
    days: int | None,
    label: str,
    as_json: bool,
) -> None:
    """Create a key. Its text is shown only once, as the last line."""
    with people_store() as core:
        known = core.settings.installed.scopes
        if unknown := set(scopes) - known:
            raise click.BadParameter(
                f"unknown scope: {', '.join(sorted(unknown))}. Known scopes: {', '.join(sorted(known))}",
                param_hint="--scope",
            )
        grant = Grant(frozenset(scopes), topics, networks)
        key, text = core.api_keys.create(name, grant, label, None if days is None else timedelta(days=days))
        note(core, "key created", key.id)
    _print_new(f"Created key {key.id} for {name}.", key, text, as_json)


@click.command()
@click.argument("id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 90),
    default=24,
    show_default=True,
    help="How long the old key stays good.",
)
@json_option
def rotate(id: str, overlap_hours: int, as_json: bool) -> None:
    """Make a key that takes over from another one. What was asked with the old key belongs to the new one too."""
    with people_store() as core:
        made = core.api_keys.rotate(id, timedelta(hours=overlap_hours))
        if made is None:
            raise _no_key(id)
        note(core, "key rotated", made[0].id)
    _print_new(f"Created key {made[0].id}. Key {id} ends in {overlap_hours} hours.", *made, as_json)


@click.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, including those that have ended."""
    with people_store() as core:
        found = core.api_keys.all()
    if as_json:
        print_json([_shown(key) for key in found])
        return
    table = Table(box=None)
    for column in ("id", "name", "scopes", "created", "expires", "used", "revoked"):
        table.add_column(column, no_wrap=column == "id", min_width=36 if column == "id" else None, overflow="fold")
    for key in found:
        name = f"{key.name} ({key.label})" if key.label else key.name
        times = (key.created_at, key.expires_at or "", key.used_at or "", key.revoked_at or "")
        table.add_row(*map(literal, (key.id, name, ", ".join(sorted(key.scopes)), *times)))
    Console().print(table)


@click.command()
@click.argument("id")
def revoke(id: str) -> None:
    """Refuse a key from now on."""
    with people_store() as core:
        if not core.api_keys.revoke(id):
            raise _no_key(id)
        note(core, "key revoked", id)
    click.echo(f"Revoked key {id}.")


def _no_key(id: str) -> click.ClickException:
    return click.ClickException(f"there is no valid key with the id {id}: `quittance keys list` shows all keys")


def _print_new(said: str, key: ApiKey, text: str, as_json: bool) -> None:
    if as_json:
        print_json({**_shown(key), "key": text})
    else:
        click.echo(f"{said} The next line is shown only once:", err=True)
        click.echo(text)


def _shown(key: ApiKey) -> dict[str, Any]:
    """The key as JSON, without its text."""
    return {
        "id": key.id,
        "client": key.client,
        "name": key.name,
        "label": key.label,
        "scopes": sorted(key.scopes),
        "topics": list(key.grant.topics),
        "networks": list(key.grant.networks),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "revoked_at": key.revoked_at,
    }
