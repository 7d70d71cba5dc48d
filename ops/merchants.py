"""`python -m ops merchants`: at whom people withdraw."""

import click

from api.merchants import MerchantRequest
from core.clock import SystemClock
from core.merchants import Merchants
from ops.office import office


@click.group()
def merchants() -> None:
    """Make merchants, at whom people withdraw."""


@merchants.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="WHO", help="A username or phone: whose wallet is credited.")
def create(name: str, owner: str) -> None:
    """Make somebody a merchant. The code that people type is shown."""
    if "name" in MerchantRequest().validate({"name": name, "owner": owner}):
        raise click.ClickException(f"{name!r} is no name")
    with office() as at:
        person = at.find(owner)
        merchant = Merchants(at.store, SystemClock()).create(name, person.id)
    click.echo(f"{merchant.name} has the code {merchant.code} now; what is withdrawn there goes to {person.name}")
