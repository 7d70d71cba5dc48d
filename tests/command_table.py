"""The commands of `quittance`, by what is typed."""

from collections.abc import Iterator

from ops.commands import cli
from ops.lazy import Entry, LazyGroup


def entries(group: LazyGroup, *path: str) -> Iterator[tuple[str, Entry]]:
    """All entries of the table, by what is typed."""
    for name, command in group.commands.items():
        if isinstance(command, LazyGroup):
            yield from entries(command, *path, name)
        else:
            assert isinstance(command, Entry)
            yield " ".join([*path, name]), command


ENTRIES = dict(entries(cli))
