"""`quittance migrate`: brings the store to the schema of this release."""

from contextlib import closing

import click

from core.bootstrap import open_migration
from core.errors import StoreUnavailable
from core.settings import BadSettings, read_settings
from core.store.migration import State


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when something is to be done.")
def migrate(check: bool) -> None:
    """Bring the store to the schema of this release.

    The store is that of STORE_URL. Stop the processes of earlier releases first.
    """
    try:
        with closing(open_migration(read_settings())) as migration:
            state = migration.state()
            _say(state)
            if check:
                raise SystemExit(1 if state.pending else 0)
            if state.pending:
                migration.run()
                click.echo(f"The store is at {state.after}.")
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None


def _say(state: State) -> None:
    if not state.pending:
        click.echo(f"Nothing to do: the store is at {state.after}.")
        return
    click.echo(f"From {state.before} to {state.after}:")
    for what in state.pending:
        click.echo(f"- {what}")
