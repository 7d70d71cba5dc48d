from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.operation import SCHEMA, Operation
from core.store.port import COLLECTIONS
from core.upcasts import CLAIM, OPERATION, USSD_SESSION, NewerDocument, Upcasts, latest, upcast
from tests.doubles import new_operation

NOTIFICATION = {"msisdn": "+2250707000001", "language": "en", "what": "Transfer", "amount": 1, "currency": "XOF"}


def of_0_1_0(operation: Operation) -> dict[str, Any]:
    """The operation as release 0.1.0 wrote it."""
    document = operation.to_document()
    del document["schema"]
    document["counterpart"], document["tell"] = document.pop("counterparty"), document.pop("notification")
    return document


def adding(field: str) -> Any:
    return lambda document: {**document, field: len(document)}


def test_an_operation_of_the_first_form_is_read_as_what_it_was() -> None:
    operation = new_operation(counterparty="kofi", notification=NOTIFICATION)

    assert Operation.from_document(of_0_1_0(operation)) == operation


def test_what_is_written_has_the_latest_form() -> None:
    written = Operation.from_document(of_0_1_0(new_operation())).to_document()

    assert written["schema"] == SCHEMA == latest(OPERATION)
    assert "counterpart" not in written
    assert "tell" not in written
    assert upcast(OPERATION, written) is written


def test_an_operation_of_the_first_form_may_have_the_new_names() -> None:
    document = new_operation(counterparty="kofi").to_document()
    del document["schema"]

    assert Operation.from_document(document).counterparty == "kofi"


def test_a_document_goes_through_every_form_after_its_own() -> None:
    upcasts: Upcasts = (adding("two"), adding("three"), adding("four"))

    assert upcast(upcasts, {"id": "a"}) == {"id": "a", "two": 1, "three": 2, "four": 3, "schema": 4}
    assert upcast(upcasts, {"id": "a", "schema": 3}) == {"id": "a", "four": 2, "schema": 4}


def test_an_upcast_leaves_what_was_read_alone() -> None:
    document = of_0_1_0(new_operation())
    before = {**document}

    upcast(OPERATION, document)

    assert document == before


def test_a_document_of_a_later_release_is_not_read() -> None:
    document = {**new_operation().to_document(), "schema": SCHEMA + 1}

    with pytest.raises(NewerDocument) as refused:
        Operation.from_document(document)

    assert isinstance(refused.value, StoreUnavailable)  # later, or by another process, it can be read


def test_collections_name_the_upcasts_of_their_documents() -> None:
    named = {name: collection.upcasts for name, collection in COLLECTIONS.items() if collection.upcasts}
    claims = ("fingerprints", "claims", "idempotency_keys", "usernames", "phones")
    assert named == {"operations": OPERATION, "ussd_sessions": USSD_SESSION} | dict.fromkeys(claims, CLAIM)
