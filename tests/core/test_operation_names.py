"""Operations are found by each of their names, also where the store is sealed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.accept import Accepted, Command, accept
from core.broker.embedded import EmbeddedBroker
from core.finding import Finder
from core.installed import DEFAULT
from core.listing import Listing, Question
from core.operation_names import PARTNER, add_later, holders, named
from core.short_references import shortened
from core.store.port import OPERATION_NAMES, OPERATIONS, Store, scan
from products.fines.contract import Fine, FinePayment, named_plate, names_of
from tests.doubles import FakeClock, lent_sql, sealed

PHONE = "+2250707000001"
PAYMENT = FinePayment(PHONE, "XOF", 300, (Fine("AM-1", 100), Fine("am-2", 200)))
PLATE = named_plate("1234 ab-01")
COMMAND = Command(
    "fine_payment",
    PAYMENT.to_json(),
    "shop",
    subject=PHONE,
    idempotency_key="order-7",
    names=(*names_of(PAYMENT), PLATE),
)


@pytest.fixture(params=["plain", "sealed"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with lent_sql() as store:
        yield store if request.param == "plain" else sealed(store)


def ask(store: Store, command: Command = COMMAND) -> Accepted:
    clock = FakeClock()
    return accept(store, EmbeddedBroker(store, clock), clock, command)


def find(store: Store, typed: str) -> list[str]:
    return [operation.id for operation in Finder(store, DEFAULT.contracts).find(typed, "CI", 10)]


def test_it_is_found_by_each_of_its_names(store: Store) -> None:
    id = ask(store).operation.id
    add_later(store, id, {"debit:transaction_id": named(PARTNER, "TXN.1")})
    ours = shortened(f"{id}:debit")
    assert ours is not None

    for typed in (id, id[-8:], id[-8:].upper(), f"{id}:debit", ours, "0707000001", PHONE, "order-7", "TXN.1"):
        assert find(store, typed) == [id], typed
    for typed in ("AM-1", "am-1", "am-2", "1234AB01", " 1234 AB 01 "):
        assert find(store, typed) == [id], typed
    for typed in ("AM-2", "AM-", "order", "txn.1", "0707000002", "00000000", "", "fine:AM-1", "%"):
        assert find(store, typed) == [], typed


def test_several_operations_of_one_name_come_newest_first(store: Store) -> None:
    first = ask(store).operation
    second = ask(store, replace(COMMAND, idempotency_key="order-8", client="other", unique={"n": 2})).operation

    assert find(store, "AM-1") == find(store, PHONE) == [second.id, first.id]
    assert list(holders(store, PLATE, 1)) == [second.id]
    assert list(holders(store, PLATE, 1, after=second.id)) == [first.id]


def test_a_request_that_is_sent_again_adds_no_name(store: Store) -> None:
    ask(store)
    before = list(scan(store, OPERATION_NAMES, {}))

    assert ask(store).replayed
    assert list(scan(store, OPERATION_NAMES, {})) == before


def test_a_request_whose_first_attempt_stored_only_its_key_gets_its_names(store: Store) -> None:
    class Dying:
        def __getattr__(self, verb: str) -> object:
            return getattr(store, verb)

        def insert_all(self, *documents: object) -> None:
            store.insert_all(documents[0])  # type: ignore[arg-type]  # the key's claim
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ask(Dying())  # type: ignore[arg-type]
    id = ask(store).operation.id

    assert find(store, "AM-1") == find(store, "order-7") == [id]


def test_a_place_that_comes_to_have_another_name_keeps_both(store: Store) -> None:
    id = ask(store).operation.id
    for name in ("first", "first", "second"):
        add_later(store, id, {"debit:session": named(PARTNER, name)})

    assert find(store, "first") == find(store, "second") == [id]
    assert len(list(scan(store, OPERATION_NAMES, {}))) == 4 + 2


def test_a_sealed_store_shows_no_name() -> None:
    with lent_sql() as raw:
        ask(sealed(raw))
        shown = str(list(scan(raw, OPERATION_NAMES, {})))
    assert "AM-1" not in shown
    assert "1234" not in shown.replace("v1.", "")


def test_a_name_without_an_operation_ends_no_page(store: Store) -> None:
    """Its process died between the two."""
    found = [ask(store, replace(COMMAND, idempotency_key=f"k{n}", unique={"n": n})).operation.id for n in range(4)]
    document = store.get(OPERATIONS, found[2])
    assert document is not None
    store.delete(OPERATIONS, found[2], document["version"])
    listing = Listing(Finder(store, DEFAULT.contracts), Question(names=(PLATE,)))

    page = [operation.id for operation in listing.find(2)]

    assert page == [found[3], found[1]]
    assert [operation.id for operation in listing.find(2, page[-1])] == [found[0]]
    assert [operation.id for operation in listing.first(9)] == [found[3], found[1], found[0]]
