"""`quittance people`: admins, operators, suspended people and locked PINs."""

import sys

import click

from core.errors import NameTaken
from core.identity.credentials import PASSWORD
from core.identity.guessable import is_common_password
from core.identity.people import Role, canonical_name
from core.identity.pins import Pins
from core.identity.second_factor import FactorKnown, SecondFactor, uri
from devtools.as_json import json_option, print_json
from ops.people_store import find_person, people_store
from ops.security import note


def _create(role: Role) -> click.Command:
    @click.command(
        f"create-{role}",
        help=f"Create a person with the role {role}. Asks for the password on a terminal, and otherwise reads it from"
        " the first line of standard input.",
    )
    @click.argument("username")
    @json_option
    def create(username: str, as_json: bool) -> None:
        password = _password()
        with people_store() as core:
            _refuse_weak(password, username)
            try:
                canonical_name(username)
                person = core.people.register(username, password, role=role)
            except NameTaken:
                raise click.ClickException(f"the username {username} is taken; choose another one") from None
            except ValueError:
                raise click.ClickException(f"{username!r} is not a valid username") from None
            note(core, f"{role} created", person.id)
        if as_json:
            print_json({"id": person.id, "username": person.username, "role": role.value})
        else:
            click.echo(f"Created {role} {person.username} with the id {person.id}.")

    return create


create_operator = _create(Role.OPERATOR)
create_admin = _create(Role.ADMIN)


@click.command("set-password")
@click.argument("who")
def set_password(who: str) -> None:
    """Change somebody's password, and end their tokens. WHO is a username or a phone number.

    Asks for the password on a terminal, and otherwise reads it from the first line of standard input.
    """
    password = _password()
    with people_store() as core:
        person = find_person(core, who)
        if person.username is None:
            raise click.ClickException(f"{person.name} has no username, and so no password")
        _refuse_weak(password, person.username)
        core.credentials.set_password(person.id, password)
        note(core, "password changed", person.id)
    click.echo(f"{person.name} signs in with the new password. All their tokens have ended.")


@click.command("second-factor")
@click.argument("who")
@click.option("--remove", is_flag=True, help="Remove it, for somebody who has lost the device and the recovery codes.")
def second_factor(who: str, remove: bool) -> None:
    """Give somebody a second factor, or remove it. WHO is a username or a phone number.

    Prints the secret for the device, asks for a code of it, and prints the recovery codes.
    """
    with people_store() as core:
        person, factors = find_person(core, who), SecondFactor(core.store, core.clock)
        if remove:
            factors.remove(person.id)
            note(core, "second factor removed", person.id)
            click.echo(f"{person.name} signs in without a second factor.")
            return
        try:
            secret = factors.begin(person.id)
        except FactorKnown:
            raise click.ClickException(f"{person.name} has a second factor; use --remove first") from None
        click.echo(f"Secret: {secret}\nFor a QR code: {uri(secret, person.name)}")
        made = factors.confirm(person.id, click.prompt("A code of the device"))
        if made is not None:
            note(core, "second factor given", person.id)
    if made is None:
        raise click.ClickException("this code is wrong, so nothing has changed; start again")
    click.echo("Recovery codes, each for one sign-in without the device:\n" + "\n".join(made))


@click.command()
@click.argument("who")
@click.option("--lift", is_flag=True, help="End the suspension.")
def suspend(who: str, lift: bool) -> None:
    """Stop a person from signing in, paying and being paid. WHO is a username or a phone number.

    Payments that have already moved money go on.
    """
    with people_store() as core:
        person = find_person(core, who)
        core.people.suspend(person.id, not lift)
        note(core, "suspension lifted" if lift else "person suspended", person.id)
    click.echo(f"{person.name} is {'no longer ' if lift else ''}suspended.")


@click.command()
@click.argument("who")
def unlock(who: str) -> None:
    """Unlock a PIN that three wrong attempts have locked. WHO is a username or a phone number."""
    with people_store() as core:
        person = find_person(core, who)
        # Unlocking checks no PIN, so it needs no pepper, which this machine may not have.
        Pins(core.store, core.clock, pepper="").unlock(person.id)
        note(core, "pin unlocked", person.id)
    click.echo(f"{person.name} can enter the PIN again.")


def _refuse_weak(password: str, username: str) -> None:
    if is_common_password(password, username):
        raise click.ClickException("this password is too easy to guess: it is a common one, or the username")


def _password() -> str:
    """Asks twice on a terminal, without echo; otherwise reads the first line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    least, most = PASSWORD
    if not least <= len(password) <= most:
        raise click.ClickException(f"a password must have {least} to {most} characters")
    return password
