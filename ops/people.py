"""`python -m ops people`: those who look after an installation, and who may no longer use it."""

import sys

import click

from core.clock import SystemClock
from core.errors import NameTaken
from core.people import PASSWORD, Role, canonical_name
from core.pins import Pins
from ops.office import office


@click.group()
def people() -> None:
    """Make admins and operators, suspend people, and unlock PINs."""


def _create(role: Role) -> click.Command:
    @click.command(f"create-{role}", help=f"Make a person of the role {role}. The password is asked for, or read.")
    @click.argument("username")
    def create(username: str) -> None:
        password = _password()
        with office() as at:
            try:
                canonical_name(username)
                person = at.people.register(username, password, role=role)
            except NameTaken:
                raise click.ClickException(f"{username} is somebody already") from None
            except ValueError:
                raise click.ClickException(f"{username!r} is no username") from None
        click.echo(f"{person.username} is {role} now, with the id {person.id}")

    return create


people.add_command(_create(Role.OPERATOR))
people.add_command(_create(Role.ADMIN))


@people.command()
@click.argument("who")
@click.option("--lift", is_flag=True, help="Let them in again.")
def suspend(who: str, lift: bool) -> None:
    """Keep a person (a username or phone) from signing in, paying and being paid. What is under way goes on."""
    with office() as at:
        person = at.find(who)
        at.people.suspend(person.id, not lift)
    click.echo(f"{person.name} is {'no longer ' if lift else ''}suspended")


@people.command()
@click.argument("who")
def unlock(who: str) -> None:
    """Let a person (a username or phone) try the PIN again at once, after three wrong ones."""
    with office() as at:
        person = at.find(who)
        # No PIN is looked at here, so no pepper is needed, which this machine may not have.
        Pins(at.store, SystemClock(), pepper="").unlock(person.id)
    click.echo(f"{person.name} may try the PIN again")


def _password() -> str:
    """Twice from a terminal, unseen; else the first line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    least, most = PASSWORD
    if not least <= len(password) <= most:
        raise click.ClickException(f"a password has {least} to {most} characters")
    return password
