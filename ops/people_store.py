"""Opens the core for commands about people. They need no broker."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from core.bootstrap import Core, open_core
from core.errors import StoreUnavailable
from core.identity.people import Person
from core.settings import BadSettings, read_settings


@contextmanager
def people_store() -> Iterator[Core]:
    """Opens the core of the settings and closes it. Raises ClickException, also when the store fails in between."""
    try:
        core = open_core(read_settings())
        try:
            yield core
        finally:
            core.close()
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None


def find_person(core: Core, who: str) -> Person:
    """Finds a person by username, or by phone in any spelling. Raises ClickException."""
    person = core.people.find(who, core.settings.phone_region)
    if person is None:
        raise click.ClickException(f"no account has the username or phone {who!r}")
    return person
