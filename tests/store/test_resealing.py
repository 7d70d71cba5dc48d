"""A store is sealed, opened and brought under another key, whatever interrupts that; and nobody uses it with others."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.installed import DEFAULT
from core.sealing import KEY_BYTES, Keys, Sealing
from core.store.at_rest import CHECK_EVERY_S, MARKER, Checked, Misfit, State, marker, require_fit
from core.store.memory import MemoryStore
from core.store.port import DATA_AT_REST, OPERATIONS, PHONES, Document, Store, scan
from core.store.resealing import Resealing
from core.store.sealed import SEALED, is_sealed
from tests.doubles import KEYS, CutOff, new_operation, sealed
from tests.privacy import PHONE, raw_text

NEW = b"n" * KEY_BYTES
BOTH, NEW_ALONE = Keys((NEW, *KEYS.data), KEYS.index), Keys((NEW,), KEYS.index)
OTHER_INDEX = Keys(KEYS.data, b"j" * KEY_BYTES)
Contents = dict[str, list[Document]]


def documents() -> list[tuple[str, Document]]:
    """Some of every sort: with a blind id and without, in pages of which the last is not full."""
    phones = [f"+22507070000{number:02}" for number in range(7)]
    return [
        *((PHONES, {"id": phone, "schema": 2, "holder": phone[-2:]}) for phone in phones),
        *((OPERATIONS, new_operation(id=phone[-2:], subject=phone).to_document()) for phone in phones),
        ("wallets", {"id": "w", "balance": 1}),
    ]


def contents(store: Store) -> Contents:
    """All documents but the marker, whatever version they have."""
    names = DEFAULT.collections.keys() - {DATA_AT_REST}
    found = {name: [{**each, "version": 0} for each in scan(store, name, {})] for name in names}
    return {name: sorted(each, key=lambda document: str(document["id"])) for name, each in found.items()}


def plain() -> MemoryStore:
    store = MemoryStore(DEFAULT.collections)
    store.insert_all(*documents())
    return store


def sealed_before() -> MemoryStore:
    store = plain()
    _seal(store)
    return store


@pytest.fixture
def raw() -> MemoryStore:
    return plain()


@pytest.fixture
def before(raw: MemoryStore) -> Contents:
    return contents(raw)


def resealing(raw: Any, keys: Keys = KEYS) -> Resealing:
    return Resealing(raw, Sealing(keys), DEFAULT.collections)


def fit(raw: Store, keys: Keys | None, marks: bool = True) -> None:
    require_fit(raw, Sealing(keys) if keys else None, DEFAULT.collections, marks)


def test_a_store_is_sealed(raw: MemoryStore, before: Contents) -> None:
    done = resealing(raw).seal()

    assert (done.rewritten, done.left, done.broken) == (14, 0, [])
    assert contents(sealed(raw)) == before
    assert not PHONE.search(raw_text(raw, DEFAULT.collections))
    fit(raw, KEYS)


def test_who_seals_twice_changes_nothing_and_seals_nothing_that_somebody_has_put_there(raw: MemoryStore) -> None:
    resealing(raw).seal()
    raw.insert("api_keys", {"id": "forged", "scopes": ["payouts:create"]})
    once = contents(raw)

    with pytest.raises(Misfit, match="there is nothing to do"):
        resealing(raw).seal()
    assert contents(raw) == once
    fit(raw, KEYS)


def test_a_store_is_opened_again(raw: MemoryStore, before: Contents) -> None:
    resealing(raw).seal()

    resealing(raw).unseal()

    assert contents(raw) == before
    fit(raw, None)


def _seal(raw: Any) -> None:
    resealing(raw).seal()


def _unseal(raw: Any) -> None:
    resealing(raw).unseal()


def _rotate(raw: Any) -> None:
    resealing(raw, BOTH).rotate()


def interrupted(act: Callable[[Any], None], make: Callable[[], MemoryStore]) -> Iterator[MemoryStore]:
    """Stores on which somebody died after each number of verbs."""
    for verbs in range(1000):
        raw = make()
        try:
            act(CutOff(raw, verbs))
        except Misfit:
            raise
        except StoreUnavailable:
            yield raw
        else:
            assert verbs > 40
            return


def test_who_dies_while_sealing_goes_on(before: Contents) -> None:
    for raw in interrupted(_seal, plain):
        _seal(raw)

        assert contents(sealed(raw)) == before
        assert not PHONE.search(raw_text(raw, DEFAULT.collections))
        fit(raw, KEYS)


def test_who_dies_while_opening_goes_on(before: Contents) -> None:
    for raw in interrupted(_unseal, sealed_before):
        _unseal(raw)

        assert contents(raw) == before
        fit(raw, None)


def test_who_dies_while_rotating_goes_on_and_the_store_is_in_use(before: Contents) -> None:
    for raw in interrupted(_rotate, sealed_before):
        assert contents(sealed(raw, BOTH)) == before
        fit(raw, BOTH)
        _rotate(raw)

        assert contents(sealed(raw, NEW_ALONE)) == before
        fit(raw, NEW_ALONE)


def test_who_begins_to_seal_may_change_their_mind(raw: MemoryStore, before: Contents) -> None:
    with pytest.raises(StoreUnavailable):
        _seal(CutOff(raw, 20))

    _unseal(raw)

    assert contents(raw) == before


def test_after_a_rotation_the_new_key_is_enough(raw: MemoryStore, before: Contents) -> None:
    _seal(raw)
    fit(raw, BOTH)
    with pytest.raises(Misfit, match="lacks"):
        fit(raw, NEW_ALONE)

    done = resealing(raw, BOTH).rotate()

    assert (done.rewritten, done.left, done.broken) == (14, 0, [])
    assert contents(sealed(raw, NEW_ALONE)) == before
    fit(raw, NEW_ALONE)
    with pytest.raises(Misfit, match="lacks"):
        fit(raw, KEYS)


def test_a_rotation_beside_a_process_with_the_former_key_says_what_is_left(raw: MemoryStore) -> None:
    """Whatever it rewrites, another process has saved under the former key just before."""
    _seal(raw)
    former = sealed(raw)

    class Contended(MemoryStore):
        def __init__(self) -> None:
            vars(self).update(vars(raw))

        def replace(self, collection: str, document: Document) -> Document:
            if collection == OPERATIONS and document["id"] == "03":
                former.replace(OPERATIONS, former.get(OPERATIONS, "03"))
            return super().replace(collection, document)

    done = resealing(Contended(), BOTH).rotate()

    assert (done.rewritten, done.left, done.broken) == (13, 1, [])
    with pytest.raises(Misfit):
        fit(raw, NEW_ALONE)
    assert resealing(raw, BOTH).rotate().rewritten == 1
    fit(raw, NEW_ALONE)


def test_a_rotation_names_what_does_not_open(raw: MemoryStore) -> None:
    _seal(raw)
    raw.replace(OPERATIONS, {**(raw.get(OPERATIONS, "03") or {}), SEALED: "v1.unknown.AAAA"})

    done = resealing(raw, BOTH).rotate()

    assert (done.rewritten, done.broken) == (13, ["operations/03"])
    with pytest.raises(Misfit):
        fit(raw, NEW_ALONE)


def test_a_field_that_was_declared_since_is_found_after_a_rotation() -> None:
    declared = DEFAULT.collections["people"]
    raw = MemoryStore({**DEFAULT.collections, "people": type(declared)("people", indexes=(("role",),))})
    sealed(raw).insert("people", {"id": "a", "role": "admin"})
    raw.insert(DATA_AT_REST, marker(State.SEALED, Sealing(KEYS)))
    work = Resealing(raw, Sealing(KEYS), raw._collections)
    assert raw.find("people", {"role": "admin"}) == []

    assert work.rotate().rewritten == 1

    assert len(raw.find("people", {"role": "admin"})) == 1
    assert work.rotate().rewritten == 0


@pytest.mark.parametrize("forged", ["sealing", "unsealing", "plain", "none"])
def test_who_has_no_key_gets_nothing_sealed_by_altering_the_marker(raw: MemoryStore, forged: str) -> None:
    _seal(raw)
    mark = raw.get(DATA_AT_REST, MARKER) or {}
    if forged == "none":
        raw.delete(DATA_AT_REST, MARKER, mark["version"])
    else:
        raw.replace(DATA_AT_REST, {**mark, "state": forged})
    for name in (PHONES, OPERATIONS):  # which are the first ones of their collections
        raw.insert(name, {"id": "!"})
    raw.insert("api_keys", {"id": "forged", "scopes": ["payouts:create"]})

    with pytest.raises(Misfit):
        fit(raw, KEYS)
    with pytest.raises(Misfit, match="altered"):
        resealing(raw, KEYS).seal()
    assert SEALED not in (raw.get("api_keys", "forged") or {})


def test_an_empty_store_is_marked_by_who_writes_to_it() -> None:
    for keys, fits, others in ((KEYS, BOTH, (None, OTHER_INDEX)), (None, None, (KEYS,))):
        raw = MemoryStore(DEFAULT.collections)
        fit(raw, keys, marks=False)
        assert raw.get(DATA_AT_REST, MARKER) is None

        fit(raw, keys)

        fit(raw, fits)
        for other in others:
            with pytest.raises(Misfit):
                fit(raw, other)


def test_two_that_start_at_once_agree() -> None:
    for _ in range(20):
        raw = MemoryStore(DEFAULT.collections)

        def start(keys: Keys | None, raw: MemoryStore = raw) -> bool:
            try:
                fit(raw, keys)
            except Misfit:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            started = list(pool.map(start, [KEYS, None, KEYS, None]))

        assert started in ([True, False, True, False], [False, True, False, True])


def test_who_was_overtaken_while_starting_looks_again() -> None:
    """Another process marks the store between the look and the mark."""
    raw = MemoryStore(DEFAULT.collections)

    class Overtaken(MemoryStore):
        def __init__(self) -> None:
            vars(self).update(vars(raw))

        def insert(self, collection: str, document: Document) -> Document:
            fit(raw, KEYS)
            return super().insert(collection, document)

    with pytest.raises(Misfit, match="no keys are set"):
        fit(Overtaken(), None)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (None, "no keys are set"),
        (OTHER_INDEX, "another DATA_INDEX_KEY"),
        (NEW_ALONE, "a key that DATA_KEYS lacks"),
    ],
)
def test_nobody_uses_a_sealed_store_with_other_keys(raw: MemoryStore, keys: Keys | None, why: str) -> None:
    _seal(raw)

    with pytest.raises(Misfit, match=why):
        fit(raw, keys)
    if keys is not None:
        for act in (resealing(raw, keys).seal, resealing(raw, keys).rotate, resealing(raw, keys).unseal):
            with pytest.raises(Misfit, match=why):
                act()


def test_nobody_uses_a_store_that_is_not_sealed_with_keys(raw: MemoryStore) -> None:
    for _ in range(2):
        with pytest.raises(Misfit, match="quittance data seal"):
            fit(raw, KEYS)
        fit(raw, None)


def test_nothing_is_rotated_or_opened_that_is_not_sealed(raw: MemoryStore) -> None:
    with pytest.raises(Misfit, match="quittance data seal"):
        _rotate(raw)
    with pytest.raises(Misfit, match="nothing to do"):
        _unseal(raw)
    assert not any(is_sealed(document) for _, found in contents(raw).items() for document in found)


@pytest.mark.parametrize(("act", "verb"), [(_seal, "data seal"), (_unseal, "data unseal")])
def test_nobody_uses_a_store_that_is_half_sealed(raw: MemoryStore, act: Callable[[Any], None], verb: str) -> None:
    if act is _unseal:
        _seal(raw)
    with pytest.raises(StoreUnavailable):
        act(CutOff(raw, 20))

    for keys in (KEYS, None):
        with pytest.raises(Misfit, match=verb):
            fit(raw, keys)


def test_a_store_that_was_away_is_checked_once_it_answers(raw: MemoryStore) -> None:
    checked: list[State] = []

    def check() -> None:
        if not checked:
            checked.append(State.PLAIN)
            raise StoreUnavailable

    store: Any = Checked(raw, check, checked=False)
    with pytest.raises(StoreUnavailable):
        store.get(OPERATIONS, "03")

    assert store.get(OPERATIONS, "03")["id"] == "03"
    assert len(checked) == 1
    Checked(raw, lambda: fit(raw, KEYS), checked=False).close()


@pytest.mark.parametrize(("act", "keys"), [(_seal, None), (_unseal, KEYS)])
def test_a_process_that_runs_on_while_the_store_is_sealed_or_opened_writes_nothing_more(act: Any, keys: Any) -> None:
    raw, now = plain() if keys is None else sealed_before(), [0.0]
    store: Any = Checked(raw, lambda: fit(raw, keys), checked=True, monotonic=lambda: now[0])
    for number in range(3):
        store.insert("wallets", {"id": f"before {number}"})
        now[0] += CHECK_EVERY_S

    def wait(seconds: float) -> None:
        now[0] += CHECK_EVERY_S
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.insert("wallets", {"id": "after"})
        assert seconds > CHECK_EVERY_S

    work = Resealing(raw, Sealing(KEYS), DEFAULT.collections, wait=wait)
    assert (work.seal() if keys is None else work.unseal()).left == 0
    assert raw.get("wallets", "after") is None


def test_it_is_not_sealed_while_somebody_writes_what_is_readable(raw: MemoryStore) -> None:
    numbers = count()

    def write(_: int) -> None:
        raw.insert("api_keys", {"id": f"plain {next(numbers)}"})

    done = Resealing(raw, Sealing(KEYS), DEFAULT.collections, write).seal()
    assert done.left > 0
    with pytest.raises(Misfit, match="has not finished"):
        fit(raw, KEYS)
    # Once they are stopped, it goes on
    resealing(raw).seal()
    fit(raw, KEYS)
    assert all(is_sealed(each) for each in scan(raw, "api_keys", {}))
