"""Whether a store is sealed, and with which keys: a document in it says so, and no process starts that does not fit."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from time import monotonic
from typing import Any

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.sealing import BrokenSeal, Sealing
from core.store.port import DATA_AT_REST, Collection, Document, Store

MARKER = "state"
"""The id of the only document."""
_CHECKED, _STATE = DATA_AT_REST.encode(), f"{DATA_AT_REST} state".encode()
CHECK_EVERY_S = 2.0
"""How often a process looks at the marker again, at most, while it uses the store."""
MAX_TRIES = 5
"""Each but the first needs another process to have marked the store meanwhile."""


class State(StrEnum):
    PLAIN = "plain"
    SEALING = "sealing"
    SEALED = "sealed"
    UNSEALING = "unsealing"


class Misfit(StoreUnavailable):
    """The store and DATA_KEYS do not fit. Once they are put right, the same request may be sent again."""


def marker(state: State, sealing: Sealing | None) -> Document:
    """sealing: None for a store that is plain. A token shows whether somebody has the key of the oldest documents, and
    another one that somebody with a key has set the state."""
    return {
        "id": MARKER,
        **stated(state, sealing),
        "index_key": sealing.index_id if sealing else None,
        "check": sealing.seal(b"", _CHECKED) if sealing else None,
    }


def stated(state: State, sealing: Sealing | None) -> Document:
    """The members of a marker that tell the state."""
    return {"state": state.value, "by_key": sealing.seal(state.value.encode(), _STATE) if sealing else None}


def require_fit(store: Store, sealing: Sealing | None, collections: Mapping[str, Collection], marks: bool) -> None:
    """Raises Misfit, StoreUnavailable.

    store: as the database has it. sealing: by the keys of the settings; None without any.
    marks: whether a store that says nothing is marked, as by all that write.
    """
    for _ in range(MAX_TRIES):
        found = store.get(DATA_AT_REST, MARKER)
        if found is not None:
            return _require(found, sealing)
        if sealing is not None and not is_empty(store, collections):
            raise not_sealed()
        if not marks:
            return None
        try:
            store.insert(DATA_AT_REST, marker(State.SEALED if sealing else State.PLAIN, sealing))
        except Duplicate:
            continue
        return None
    raise StoreUnavailable(reason="other processes mark the store all the time")


def _require(found: Document, sealing: Sealing | None) -> None:
    state = State(found["state"])
    if sealing is not None and state is not State.PLAIN:
        require_keys(found, sealing)
    if state in (State.SEALING, State.UNSEALING):
        verb = "seal" if state is State.SEALING else "unseal"
        raise Misfit(f"`quittance data {verb}` has not finished. Run it again.")
    if sealing is None:
        if state is State.SEALED:
            raise Misfit("The store is sealed, and no keys are set. Set DATA_KEYS and DATA_INDEX_KEY as they were.")
        return
    if state is State.PLAIN:
        raise not_sealed()


def require_keys(found: Document, sealing: Sealing) -> None:
    """found: the marker of a store of which at least a part is sealed. Raises Misfit."""
    if found["index_key"] != sealing.index_id:
        raise Misfit("The store is sealed with another DATA_INDEX_KEY. Set it as it was.")
    try:
        sealing.open(found["check"], _CHECKED)
    except BrokenSeal:
        raise Misfit(
            "The store is sealed with a key that DATA_KEYS lacks. Add it: an earlier key is needed until"
            " `quittance data rotate` has left nothing under it."
        ) from None
    try:
        by_key = sealing.open(str(found.get("by_key")), _STATE)
    except BrokenSeal:
        by_key = b""
    if by_key != found["state"].encode():
        raise altered()


def altered() -> Misfit:
    return Misfit(
        "Somebody without the keys has altered what the store says about its encryption. Restore it from a backup: do"
        " not run `quittance data seal`."
    )


def not_sealed() -> Misfit:
    return Misfit(
        "DATA_KEYS is set, and the store is not sealed. Stop all processes and run `quittance data seal`, or unset"
        " DATA_KEYS and DATA_INDEX_KEY."
    )


def is_empty(store: Store, collections: Mapping[str, Collection]) -> bool:
    """Whether nothing is stored that would be sealed."""
    return not any(store.find(name, {}, limit=1) for name, collection in collections.items() if collection.sealed)


def mark(store: Store, change: Callable[[Document | None], Document | None]) -> None:
    """Changes the marker. change: given the one that is there; returns None to leave it, and may raise.

    Raises StoreUnavailable.
    """
    for _ in range(MAX_TRIES):
        found = store.get(DATA_AT_REST, MARKER)
        changed = change(found)
        if changed is None:
            return
        try:
            if found is None:
                store.insert(DATA_AT_REST, changed)
            else:
                store.replace(DATA_AT_REST, {**changed, "version": found["version"]})
            return
        except (Conflict, Duplicate):
            continue
    raise StoreUnavailable(reason="other processes mark the store all the time")


class Checked:
    """The Store port round a store whose marker is looked at again and again: a process that runs on without keys while
    the store is sealed writes nothing into it that is readable.

    check: raises as `require_fit` does.
    checked: whether it has just been checked. If not, the first verb that reaches the store does.
    monotonic: the time, in seconds since some moment.
    """

    def __init__(
        self, store: Store, check: Callable[[], None], checked: bool, monotonic: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._check = check
        self._monotonic = monotonic
        self._good_until = monotonic() + CHECK_EVERY_S if checked else 0.0

    def __getattr__(self, verb: str) -> Any:
        if (now := self._monotonic()) >= self._good_until and verb != "close":
            try:
                self._check()
            except Misfit as error:  # its message is for who runs this, and the log's
                raise StoreUnavailable(reason=error.message) from None
            self._good_until = now + CHECK_EVERY_S
        return getattr(self._store, verb)
