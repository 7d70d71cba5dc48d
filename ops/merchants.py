"""`quittance merchants`: where people withdraw cash."""

import click

from core.errors import InvalidField
from devtools.as_json import json_option, print_json
from ops.people_store import find_person, people_store
from ops.security import note
from products.merchants.register import MERCHANTS, Merchants


@click.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="WHO", help="Username or phone of the person whose wallet is credited.")
@json_option
def create(name: str, owner: str, as_json: bool) -> None:
    """Create a merchant. Prints the code that people enter to withdraw."""
    with people_store() as core:
        if MERCHANTS not in core.settings.installed.collections:
            raise click.ClickException("the product products.merchants is not installed; add it to PRODUCTS")
        person = find_person(core, owner)
        try:
            merchant = core.of(Merchants).create(name, person.id)
        except InvalidField:
            raise click.ClickException(f"{name!r} is not a valid name for a merchant") from None
        note(core, "merchant created", merchant.code)
    if as_json:
        print_json({"code": merchant.code, "name": merchant.name, "owner": person.id})
        return
    click.echo(f"Merchant {merchant.name!r} created with code {merchant.code}; withdrawals credit {person.name}.")
