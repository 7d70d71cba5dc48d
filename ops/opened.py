"""Opens what commands about operations work with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from core.bootstrap import Core, open_core
from core.errors import StoreUnavailable
from core.finding import Finder
from core.installed import BadProduct
from core.log import configure
from core.operation import Operation
from core.settings import BadSettings, read_settings
from worker.process import Processes, Stages
from worker.products import build

CHOICES = 5
"""How many operations are named when a text means several."""


@dataclass(frozen=True)
class Opened:
    """processes: only the order of their steps is of interest here; nothing is published, and no partner called."""

    core: Core
    processes: Processes

    @property
    def finder(self) -> Finder:
        return Finder(self.core.store, self.core.settings.installed.contracts)

    def find(self, typed: str, limit: int = CHOICES) -> list[Operation]:
        """The operations that somebody may mean who types this, newest first."""
        return self.finder.find(typed, self.core.settings.phone_region, limit)

    def the_one(self, typed: str) -> Operation:
        """The operation of an id or a reference. Raises ClickException for none, and for several."""
        found = self.find(typed)
        if not found:
            raise click.ClickException(f"{typed}: no operation has this id or reference")
        if len(found) > 1:
            raise click.ClickException(f"{typed} may be {', '.join(each.id for each in found)}: name one by its id")
        return found[0]

    def stages(self, operation: Operation) -> Stages:
        """Raises NotConfigured for an operation of an operator that is gone."""
        return self.processes[operation.kind].stages(operation)


@contextmanager
def opened(name: str) -> Iterator[Opened]:
    """name: of the command, in the log. Raises ClickException, also when the store fails in between."""
    try:
        settings = read_settings()
        configure(name, "WARNING")
        core = open_core(settings)
        try:
            yield Opened(core, build(core))
        finally:
            core.close()
    except (BadSettings, BadProduct, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
