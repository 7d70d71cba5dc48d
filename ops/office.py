"""What commands about people work with: the store of the settings, and the people in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from core.bootstrap import open_store
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.people import People, Person
from core.settings import BadSettings, Settings, read_settings
from core.store.port import Store


@dataclass(frozen=True)
class Office:
    settings: Settings
    store: Store
    people: People

    def find(self, who: str) -> Person:
        """By username, or by phone in any spelling. Raises ClickException."""
        person = self.people.find(who, self.settings.phone_region)
        if person is None:
            raise click.ClickException("nobody has this username or phone")
        return person


@contextmanager
def office() -> Iterator[Office]:
    """Raises ClickException, also for a store that goes away meanwhile."""
    try:
        settings = read_settings()
        store = open_store(settings)
        try:
            yield Office(settings, store, People(store, SystemClock()))
        finally:
            store.close()
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
