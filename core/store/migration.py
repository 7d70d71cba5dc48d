"""The port of the command that migrates: what a store's schema is, what is to be done, and doing it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class State:
    """before: the schema that the store has; after: the one that this release needs; pending: what is to be done, in
    words."""

    before: str
    after: str
    pending: tuple[str, ...]


class Migration(Protocol):
    """Every verb raises StoreUnavailable. It may run beside processes of this release, and twice at once."""

    def state(self) -> State:
        """Looks, and changes nothing."""

    def run(self) -> None:
        """Does what is to be done. Interrupted, it may be run again."""

    def close(self) -> None:
        """Gives connections back."""
