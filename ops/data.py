"""`quittance data`: seals the store, brings it under another key, and opens it again."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import sleep

import click
from rich.console import Console
from rich.progress import Progress

from core.bootstrap import compact, open_raw_store
from core.clock import Clock, SystemClock, to_rfc3339
from core.errors import StoreUnavailable
from core.sealing import Sealing
from core.settings import BadSettings, Settings, read_settings
from core.store.port import LEASES, Store, scan
from core.store.resealing import Done, Resealing
from devtools.as_json import json_option, print_json

SHOWN = 10
"""Documents that do not open, at most."""


@click.command()
@json_option
def seal(as_json: bool) -> None:
    """Encrypt a store that has documents already.

    Stop all other processes first, and set DATA_KEYS and DATA_INDEX_KEY. Interrupted, it may be run again. A SQLite
    file is then compacted; compact another database yourself: it keeps what it has deleted.
    """
    settings = _settings()
    with _resealing(settings, alone=True) as work:
        done = work.seal()
    if not (done.left or done.broken):
        compact(settings)
    _say(done, "sealed", as_json)


@click.command()
@json_option
def rotate(as_json: bool) -> None:
    """Bring all documents under the first key of DATA_KEYS.

    Other processes may run, if they have been restarted with this key as their first one. An earlier key can be taken
    out when nothing is left under it.
    """
    with _resealing(_settings()) as work:
        done = work.rotate()
    _say(done, "rotated", as_json)


@click.command()
@json_option
def unseal(as_json: bool) -> None:
    """Store everything as it was before it was sealed.

    Stop all other processes first. Interrupted, it may be run again. Then unset DATA_KEYS and DATA_INDEX_KEY.
    """
    with _resealing(_settings(), alone=True) as work:
        done = work.unseal()
    _say(done, "unsealed", as_json)


def _settings() -> Settings:
    try:
        return read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _resealing(settings: Settings, alone: bool = False) -> Iterator[Resealing]:
    """alone: whether no worker may run. Raises ClickException."""
    if settings.keys is None:
        raise click.ClickException(
            "DATA_KEYS and DATA_INDEX_KEY are not set: make each with `openssl rand -base64 32`, and keep a copy apart"
            " from the backups"
        )
    try:
        with closing(open_raw_store(settings)) as store, _progress() as seen:
            if alone:
                require_no_worker(store, SystemClock())
            yield Resealing(store, Sealing(settings.keys), settings.installed.collections, seen, sleep)
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None


def require_no_worker(store: Store, clock: Clock) -> None:
    """Raises ClickException while a worker says that it is there."""
    now = to_rfc3339(clock.now())
    if any(until > now for lease in scan(store, LEASES, {}) for until in lease["workers"].values()):
        raise click.ClickException("a worker is running, or was killed less than a minute ago: stop all processes")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("documents", total=None)
        yield lambda number: progress.advance(task, number)


def _say(done: Done, what: str, as_json: bool) -> None:
    """Exits 1 when something is left."""
    if as_json:
        print_json({what: done.rewritten, "left": done.left, "unreadable": done.broken})
    else:
        click.echo(f"{what}: {done.rewritten} documents; left: {done.left}")
        if done.left:
            click.echo("Others changed these documents at the same time. Run it again.")
            if what != "rotated":
                click.echo("Before that, stop the API, all workers and all other commands.")
        for name in done.broken[:SHOWN]:
            click.echo(f"does not open: {name}")
        if done.broken:
            click.echo(f"{len(done.broken)} documents do not open: restore them, or the key that DATA_KEYS lacks.")
    if done.left or done.broken:
        raise SystemExit(1)
