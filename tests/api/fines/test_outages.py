"""The store down: 503, nothing accepted, nothing lost. The broker down: 202 as ever. A bug: 500 without internals."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.figures import FRESH_S
from core.broker.embedded import EmbeddedBroker
from core.broker.rabbitmq import RabbitBroker
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.partner_health import FADES_S, PartnerHealth
from core.store.port import Document
from core.store.sql import SqlStore
from tests.api.kit import House, assert_problem, body, build

VERBS = ["insert", "insert_all", "get", "replace", "find"]


class ShakyStore(SqlStore):
    """The embedded store, of which some verbs on some collections fail."""

    def __init__(self) -> None:
        super().__init__("sqlite://")
        self.fails: dict[str, Exception] = {}
        self.loses_answers = False

    def down(self, *verbs: str, error: Exception | None = None) -> None:
        self.fails = {verb: error or StoreUnavailable(reason="no primary") for verb in verbs or VERBS}

    def up(self) -> None:
        self.fails, self.loses_answers = {}, False

    def _check(self, verb: str, collection: str) -> None:
        error = self.fails.get(verb) or self.fails.get(f"{verb} {collection}")
        if error:
            raise error

    def insert(self, collection: str, document: Document) -> Document:
        self._check("insert", collection)
        stored = super().insert(collection, document)
        if self.loses_answers:
            raise StoreUnavailable(reason="written, but not confirmed")
        return stored

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        self._check("insert_all", "")
        for number, (collection, _) in enumerate(documents):
            if self.fails.get(f"insert {collection}"):
                super().insert_all(*documents[:number])  # as on a store that is no transaction
            self._check("insert", collection)
        super().insert_all(*documents)
        if self.loses_answers:
            raise StoreUnavailable(reason="written, but not confirmed")

    def get(self, collection: str, id: str) -> Document | None:
        self._check("get", collection)
        return super().get(collection, id)

    def replace(self, collection: str, document: Document) -> Document:
        self._check("replace", collection)
        return super().replace(collection, document)

    def find(self, collection: str, *args: Any, **how: Any) -> list[Document]:
        self._check("find", collection)
        return super().find(collection, *args, **how)

    def count(self, collection: str, *args: Any, **how: Any) -> int:
        self._check("count", collection)
        return super().count(collection, *args, **how)


class QuietBroker(EmbeddedBroker):
    """A broker that is down, and remembers what was rung."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store, SystemClock())
        self.rung: list[tuple[str, str]] = []

    def connected(self) -> bool:
        return False

    def ring(self, kind: str, id: str) -> None:
        self.rung.append((kind, id))


@pytest.fixture
def store() -> Iterator[ShakyStore]:
    store = ShakyStore()
    yield store
    store.up()
    store.close()


@pytest.fixture
def broker(store: ShakyStore) -> QuietBroker:
    return QuietBroker(store)


@pytest.fixture
def house(store: ShakyStore, broker: QuietBroker) -> House:
    return build(store, broker)


def assert_unavailable(answer: Any) -> None:
    assert_problem(answer, 503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


KEYS: list[dict[str, str]] = [{}, {"Idempotency-Key": "k"}]


@pytest.mark.parametrize("headers", KEYS, ids=["no_key", "key"])
@pytest.mark.parametrize("verbs", [(), ("insert",), ("insert operations",)], ids=["all", "inserts", "operations"])
def test_store_down_nothing_is_accepted(
    house: House, store: ShakyStore, broker: QuietBroker, verbs: Any, headers: Any
) -> None:
    # Given a store that is down
    store.down(*verbs)

    # If I ask for a payment, I expect 503, no payment and no ring
    assert_unavailable(house.post(body(), headers))
    store.up()
    assert house.stored()["operations"] == 0
    assert broker.rung == []

    # If it is up again, I expect the same request to be accepted as a new one
    answer = house.post(body(), headers)
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer.headers
    assert broker.rung == [("fine_payment", answer.json["id"])]


@pytest.mark.parametrize("headers", KEYS, ids=["no_key", "key"])
def test_store_lost_the_answer_nothing_is_doubled(house: House, store: ShakyStore, headers: Any) -> None:
    # Given a store that writes, and whose answer is lost
    store.loses_answers = True
    assert_unavailable(house.post(body(), headers))
    assert all(house.post(body(), headers).status_code in (202, 503) for _ in range(3))
    store.up()

    # If I ask again, I expect one payment, which is due even though nobody rang
    id = house.post(body(), headers).json["id"]
    assert house.stored()["operations"] == 1
    assert house.operation(id).due_at is not None
    assert house.post(body(), headers).json["id"] == id


@pytest.mark.parametrize("verb", ["get operations", "replace", "get fingerprints"])
def test_store_fails_on_a_replay(house: House, store: ShakyStore, verb: str) -> None:
    # Given a payment, and a store of which one verb fails
    id = house.pay()
    store.down(verb)

    # If the same comes again under a key, I expect 503 or the same payment, and the same payment later
    answer = house.post(body(), {"Idempotency-Key": "k"})
    assert answer.status_code in (202, 503)
    store.up()
    assert house.post(body(), {"Idempotency-Key": "k"}).json["id"] == id
    assert house.stored()["operations"] == 1


def test_store_down_when_asking(house: House, store: ShakyStore) -> None:
    id = house.pay()
    store.down()

    assert_unavailable(house.get(id))
    assert_unavailable(house.get(id, Prefer="wait=5"))
    assert_unavailable(house.list())


def test_store_down_is_not_the_answer_to_bad_input(house: House, store: ShakyStore) -> None:
    store.down()

    assert_problem(house.post({}), 422, "validation_failed")
    assert_problem(house.post(b""), 400, "bad_request")
    assert_problem(house.list(token="x"), 401, "unauthorized")


def test_broker_down_is_202_as_ever(house: House) -> None:
    answer = house.post(body())

    assert answer.status_code == 202
    assert house.operation(answer.json["id"]).due_at is not None


def test_a_replay_is_the_same_with_the_broker_down(house: House, broker: QuietBroker) -> None:
    id = house.pay()

    assert house.pay() == id
    assert broker.rung == [("fine_payment", id)]


def test_rabbitmq_out_of_reach_is_202_as_ever() -> None:
    # Given a RabbitMQ at whose address nobody listens
    broker = RabbitBroker("amqp://guest:guest@127.0.0.1:1/")
    house = build(broker=broker)

    # If I pay, I expect 202 without waiting for it, and a degraded service
    try:
        began = time.monotonic()
        assert house.post(body()).status_code == 202
        assert house.http.get("/readyz").json["status"] == "degraded"
        assert time.monotonic() - began < 2
    finally:
        broker.close()


def test_healthz_says_that_the_process_answers(house: House, store: ShakyStore) -> None:
    store.down()

    answer = house.http.get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readyz_is_ready() -> None:
    answer = build().http.get("/readyz")

    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ready", "store": "ok", "broker": "ok", "partners": {}},
    )


def test_readyz_without_the_broker_is_degraded_not_down(house: House) -> None:
    answer = house.http.get("/readyz")

    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "store": "ok", "broker": "down", "partners": {}},
    )


def test_readyz_names_a_partner_that_is_down_until_it_is_back() -> None:
    house = build()
    health = PartnerHealth(house.store, house.clock)

    health.report("operator", house.clock.now() + timedelta(seconds=FADES_S))
    degraded, gauge = house.http.get("/readyz"), house.http.get("/metrics").text
    health.report("operator", None)
    ready = house.http.get("/readyz")

    assert (degraded.status_code, degraded.json["status"]) == (200, "degraded")
    assert degraded.json["partners"] == {"operator": "down"}
    assert 'quittance_partner_down{partner="operator"} 1.0' in gauge
    assert (ready.json["status"], ready.json["partners"]) == ("ready", {"operator": "ok"})
    house.tick(FRESH_S)
    assert 'quittance_partner_down{partner="operator"} 0.0' in house.http.get("/metrics").text


def test_an_outage_that_no_worker_confirms_any_more_expires() -> None:
    house = build()
    PartnerHealth(house.store, house.clock).report("operator", house.clock.now() - timedelta(seconds=FADES_S + 1))

    assert house.http.get("/readyz").json["partners"] == {"operator": "ok"}


def test_metrics_are_served_without_the_store(house: House, store: ShakyStore) -> None:
    store.down()

    figures = house.http.get("/metrics").text

    assert "quittance_http_requests_total" in figures
    assert "quittance_store_up 0.0" in figures
    assert "quittance_operations{" not in figures


def test_readyz_without_the_store_is_down(house: House, store: ShakyStore) -> None:
    store.down()

    answer = house.http.get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"status": "down", "store": "down", "broker": "down"})


@pytest.mark.parametrize("error", [RuntimeError("secret +2250707000001"), ValueError("secret"), KeyError("secret")])
def test_the_answer_to_a_bug_shows_no_internals(house: House, store: ShakyStore, error: Exception) -> None:
    id = house.pay()
    store.down(error=error)

    with capture_logs() as logs:
        answers = [house.post(body()), house.get(id), house.list()]

    # I expect its story in the logs, and none of it in the answers
    assert [line["event"] for line in logs] == ["request_failed", "request"] * 3
    for answer in answers:
        assert_problem(answer, 500, "internal_error")
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
