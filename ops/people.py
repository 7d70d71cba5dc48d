"""`python -m ops people`: those who look after an installation, and who may no longer use it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from core.bootstrap import open_store
from core.clock import SystemClock
from core.errors import NameTaken, StoreUnavailable
from core.people import PASSWORD, People, Person, Role, canonical_name
from core.settings import BadSettings, Settings, read_settings


@click.group()
def people() -> None:
    """Make admins and operators, and suspend people."""


def _create(role: Role) -> click.Command:
    @click.command(f"create-{role}", help=f"Make a person of the role {role}. The password is asked for, or read.")
    @click.argument("username")
    def create(username: str) -> None:
        password = _password()
        with _people() as (found, _):
            try:
                canonical_name(username)
                person = found.register(username, password, role=role)
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
    with _people() as (found, settings):
        person = _find(found, who, settings)
        found.suspend(person.id, not lift)
    click.echo(f"{person.username} is {'no longer ' if lift else ''}suspended")


def _find(found: People, who: str, settings: Settings) -> Person:
    person = found.find(who, settings.phone_region)
    if person is None:
        raise click.ClickException("nobody has this username or phone")
    return person


def _password() -> str:
    """Twice from a terminal, unseen; else the first line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    least, most = PASSWORD
    if not least <= len(password) <= most:
        raise click.ClickException(f"a password has {least} to {most} characters")
    return password


@contextmanager
def _people() -> Iterator[tuple[People, Settings]]:
    try:
        settings = read_settings()
        store = open_store(settings)
        try:
            yield People(store, SystemClock()), settings
        finally:
            store.close()
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
