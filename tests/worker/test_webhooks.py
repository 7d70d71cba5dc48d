"""Webhooks: what is told to whom, how often it is tried, and what ends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from standardwebhooks.webhooks import Webhook

from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.errors import Conflict, IdempotencyKeyReused
from core.ids import new_id
from core.operation import Status
from core.sealing import BrokenSeal
from core.store.port import OPERATIONS, PEOPLE, Store
from products.webhooks.breakers import FULL_S, Breakers, EndpointBreaker, Places
from products.webhooks.contract import DELIVER_STEP, WebhookSettings
from products.webhooks.endpoints import ENDPOINTS, EVERYBODY, Endpoints, State, matches
from products.webhooks.off import Switch, Why
from products.webhooks.process import RETRIES_S
from tests.api.kit import SETTINGS
from tests.doubles import LEASE_S, START, FakeClock, insert, load
from tests.worker.webhook_kit import CLIENT, House, Receiver, pay, verified
from worker.__main__ import longest_call_s
from worker.partners.pinned import Heard, NotHeard
from worker.partners.port import Confirmed, Declined, Unavailable
from worker.products import build


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock, Receiver(clock))


def test_the_signature_is_that_of_the_standard() -> None:
    """The test vector of the specification."""
    key = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_client_is_told_of_each_status_in_thin_bodies(house: House) -> None:
    endpoint = house.endpoint()
    pay(house)
    house.deliver()
    bodies = sorted(
        (verified(got, endpoint.secrets[0]) for got in house.receiver.got), key=lambda b: b["data"]["version"]
    )
    assert [body["type"] for body in bodies] == ["payment.accepted", "payment.processing", "payment.succeeded"]
    assert bodies[-1]["data"] == {
        "id": "op-1",
        "status": "succeeded",
        "amount": "12.50",
        "currency": "BRL",
        "status_url": "https://pay.example/payments/op-1",
        "version": 3,
    }
    assert all(delivery.status is Status.SUCCEEDED for delivery in house.deliveries())


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("*", True),
        ("payment.*", True),
        ("payment.failed", True),
        ("payment", False),
        ("pay*", False),
        ("charge.*", False),
    ],
)
def test_patterns_of_types(pattern: str, meant: bool) -> None:
    assert matches(pattern, "payment.failed") is meant


def test_only_those_who_want_it_are_told(house: House) -> None:
    house.let_in = frozenset({"city"})
    ends = house.endpoint("payment.succeeded")
    house.endpoint(owner="client-2")
    house.endpoint("payment.failed")
    everybody = house.endpoint("payment.succeeded", owner="city", hears=EVERYBODY)
    off = house.endpoint()
    house.endpoints.switch_off(off.id, "test")
    pay(house)
    house.deliver()
    assert {delivery.subject for delivery in house.deliveries()} == {ends.id, everybody.id}
    assert house.receiver.types == ["payment.succeeded"] * 2


def test_an_operation_can_be_told_to_a_url_of_its_own(house: House) -> None:
    endpoint = house.endpoint("charge.*")
    url = "https://client.example/of-this-payment"
    pay(house, report_to={"endpoint": endpoint.id, "url": url})
    house.deliver()
    assert [got[1] for got in house.receiver.got] == [url] * 3


class Refusing:
    """A store that refuses the next save of an operation that has ended."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def replace(self, collection: str, document: dict[str, Any]) -> dict[str, Any]:
        if collection == OPERATIONS and document["status"] == "succeeded" and document["kind"] == "test":
            raise Conflict
        return self._store.replace(collection, document)


def test_nothing_is_told_that_was_not_saved(house: House) -> None:
    house.endpoint("payment.succeeded")
    insert(house.store, client=CLIENT)
    house.worker(Refusing(house.store)).advance("op-1")  # it dies between the announcement and the save
    house.deliver()
    assert house.receiver.got == []
    house.clock.tick(LEASE_S)
    house.worker(None, Confirmed()).advance("op-1")
    house.clock.tick(60)
    house.deliver()
    assert load(house.store).status is Status.SUCCEEDED
    assert house.receiver.types == ["payment.succeeded"]
    assert sorted(delivery.status for delivery in house.deliveries()) == [Status.FAILED, Status.SUCCEEDED]


def test_a_delivery_is_tried_ten_times_over_three_days_and_never_changes(house: House) -> None:
    house.endpoint("payment.succeeded")
    house.receiver.answers = [Heard(500, b"no", 0)] * 20
    pay(house)
    for _ in range(3 * 24 * 60 * 2 + 10 * 60):
        house.deliver()
        house.clock.tick(30)
    waits = [later[0] - got[0] for got, later in zip(house.receiver.got, house.receiver.got[1:], strict=False)]
    assert [round(wait.total_seconds() / 60) for wait in waits[1:]] == [round(wait / 60) for wait in RETRIES_S[1:]]
    assert sum(RETRIES_S) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    assert len(house.receiver.got) == 10
    assert len({(headers["webhook-id"], body) for _, _, body, headers in house.receiver.got}) == 1
    (delivery,) = house.deliveries()
    assert delivery.status is Status.FAILED
    assert [call.said for call in delivery.step(DELIVER_STEP).calls] == [{"http": 500, "body": "no"}] * 10


def test_retry_after_is_honoured(house: House) -> None:
    house.endpoint("payment.succeeded")
    house.receiver.answers = [Heard(429, b"", 3600)]
    pay(house)
    house.deliver()
    house.clock.tick(3599)
    house.deliver()
    assert len(house.receiver.got) == 1
    house.clock.tick(181)  # and up to a tenth later: not all come at once
    house.deliver()
    assert len(house.receiver.got) == 2


@pytest.mark.parametrize("status", [301, 400, 404, 500])
def test_only_2xx_is_success(house: House, status: int) -> None:
    endpoint = house.endpoint("payment.succeeded")
    house.receiver.answers = [Heard(status, b"", 0)]
    pay(house)
    house.deliver()
    assert house.reload(endpoint).state is State.FAILING
    house.clock.tick(10)
    house.deliver()
    assert len(house.receiver.got) == 2
    assert house.reload(endpoint).state is State.ON


def test_gone_switches_the_endpoint_off(house: House) -> None:
    endpoint = house.endpoint("payment.*")
    house.receiver.answers = [Heard(410, b"", 0)]
    pay(house)
    house.deliver()
    assert house.reload(endpoint).state is State.OFF
    assert len(house.receiver.got) == 1
    assert {delivery.error["code"] for delivery in house.deliveries() if delivery.error} == {
        "endpoint_gone",
        "endpoint_off",
    }


def test_five_days_of_failures_only_switch_it_off(house: House) -> None:
    endpoint = house.endpoint("payment.succeeded")
    house.receiver.answers = [NotHeard("no connection")] * 50
    pay(house)
    house.deliver()
    house.clock.tick(5 * 24 * 3600 - 1)
    pay(house, "op-2")
    house.deliver()
    assert house.reload(endpoint).state is State.FAILING
    assert house.notices == []
    house.clock.tick(1)
    pay(house, "op-3")
    house.deliver()
    assert house.reload(endpoint).state is State.OFF
    ((subject, text, _),) = house.notices
    assert subject == "Quittance: a webhook endpoint is off"
    assert f"{endpoint.id} of the client {CLIENT} was switched off: no delivery has succeeded for five days." in text
    assert endpoint.url not in text  # it may hold a secret


def switched_off(house: House, owner: str) -> None:
    """Another endpoint of this client answers 410."""
    switch = Switch(house.store, house.clock, lambda *notice: house.notices.append(notice))
    endpoint = house.endpoint(owner=owner)
    switch.off(endpoint, Why.GONE)
    switch.off(endpoint, Why.GONE)  # another delivery heard it too: it is the same notice
    assert house.reload(endpoint).state is State.OFF


def keys(house: House) -> set[str]:
    return {key for _, _, key in house.notices}


def test_one_client_has_operators_mailed_three_times_a_day(house: House) -> None:
    for _ in range(5):
        switched_off(house, CLIENT)
    assert len(keys(house)) == 3
    switched_off(house, "client-2")
    assert len(keys(house)) == 4
    house.clock.tick(24 * 3600)
    switched_off(house, CLIENT)
    assert len(keys(house)) == 5


def test_all_clients_have_operators_mailed_twenty_times_an_hour(house: House) -> None:
    for number in range(25):
        switched_off(house, f"client-{number}")
    assert len(keys(house)) == 20
    house.clock.tick(3600)
    switched_off(house, "client-25")
    assert len(keys(house)) == 21


@pytest.mark.parametrize("gone", [True, False])
def test_what_its_client_has_ended_meanwhile_is_no_news(house: House, gone: bool) -> None:
    """A receiver may do so before it answers 410: such an e-mail would be counted nowhere."""
    endpoint = house.endpoint()
    endpoints = Endpoints(house.store, house.clock)
    if gone:
        endpoints.delete(endpoint.id)
    else:
        endpoints.switch_off(endpoint.id, "its owner switched it off")

    Switch(house.store, house.clock, lambda *notice: house.notices.append(notice)).off(endpoint, Why.GONE)

    assert house.notices == []


def test_a_notice_of_before_holds_up_nobody(house: House) -> None:
    """A worker died after a notice, and then the operators' addresses changed."""

    def refuse(*notice: str) -> None:
        raise IdempotencyKeyReused

    endpoint = house.endpoint()
    Switch(house.store, house.clock, refuse).off(endpoint, Why.OWNER)
    assert house.reload(endpoint).why_off == Why.OWNER.value


def test_a_url_that_must_not_be_called_is_not_tried_again(house: House) -> None:
    house.endpoint("payment.succeeded")
    house.receiver.answers = [NotHeard("the URL leads inside", refused=True)]
    pay(house)
    house.deliver()
    (delivery,) = house.deliveries()
    assert delivery.error is not None
    assert delivery.error["code"] == "target_refused"


def test_after_a_rotation_both_secrets_sign_for_a_day(house: House) -> None:
    endpoint = house.endpoint("payment.succeeded")
    rotated = house.endpoints.rotate(endpoint.id)
    assert rotated is not None
    new, old = rotated.secrets
    assert old == endpoint.secrets[0]
    pay(house)
    house.deliver()
    assert verified(house.receiver.got[0], new) == verified(house.receiver.got[0], old)
    house.clock.tick(24 * 3600)
    assert house.reload(endpoint).secrets == (new,)


def test_a_dead_worker_loses_no_announcement(house: House) -> None:
    """The status that a worker saved before it died was announced before."""
    house.endpoint("payment.failed")
    insert(house.store, client=CLIENT)
    house.worker(None, Unavailable("HTTP 503"), Declined("no")).advance("op-1")
    house.clock.tick(60)
    house.worker(None, Declined("no")).advance("op-1")
    house.deliver()
    assert house.receiver.types == ["payment.failed"]
    assert house.clock.now() >= START


def test_a_lease_is_longer_than_the_longest_attempt(house: House) -> None:
    """Else a slow receiver would be told by two workers at once."""
    settings = SETTINGS.having(WebhookSettings(30, False, False))
    core = Core(
        replace(settings, partner_timeout_s=1), house.clock, house.store, EmbeddedBroker(house.store, house.clock)
    )
    assert longest_call_s(core.settings, build(core)) > 30


def test_slow_endpoints_of_one_client_leave_places_for_others(clock: FakeClock) -> None:
    places = Places(of_client=2, of_all=3)
    breakers = Breakers(lambda client: EndpointBreaker(clock, client, places))
    mine = [breakers.of(endpoint, CLIENT) for endpoint in ("one", "two", "three")]
    assert [breaker.try_acquire() is None for breaker in mine] == [True, True, False]
    assert breakers.of("theirs", "client-2").try_acquire() is None
    assert breakers.of("others", "client-3").try_acquire() is not None
    mine[0].release(None, clock.now())
    assert mine[2].try_acquire() is None


def test_a_backlog_without_a_place_asks_again_one_by_one(clock: FakeClock) -> None:
    """Else each delivery of it would be saved every second, and those of other clients would wait behind it."""
    places = Places(of_client=2, of_all=8)
    breakers = [EndpointBreaker(clock, CLIENT, places) for _ in range(20)]
    assert breakers[0].try_acquire() is None
    assert breakers[0].try_acquire() is None
    clock.tick(1)
    waits = [deferral.wait_s for n in range(100) if (deferral := breakers[n % 20].try_acquire())]
    assert waits == pytest.approx([FULL_S + 0.05 * n for n in range(1, 101)])


def test_a_backlog_of_a_fast_receiver_asks_again_as_often_as_its_calls_end(clock: FakeClock) -> None:
    breaker = EndpointBreaker(clock, CLIENT, Places(of_client=1, of_all=8))
    assert breaker.try_acquire() is None
    breaker.release(Confirmed(), clock.now())
    assert breaker.try_acquire() is None
    clock.tick(0.01)
    waits = [deferral.wait_s for _ in range(100) if (deferral := breaker.try_acquire())]
    assert waits[-1] - waits[0] == pytest.approx(99 * 0.01)


@pytest.mark.parametrize("threads", [4, 32, 64, 256])
def test_slow_clients_leave_places_for_a_third_and_a_fourth(threads: int) -> None:
    places = Places.of_worker(threads)
    for slow in ("client-1", "client-2"):
        while places.take(slow, START) is None:
            pass
    assert places.take("client-3", START) is None
    assert places.take("client-4", START) is None


def test_a_dead_endpoint_with_a_backlog_costs_two_saves_a_second(clock: FakeClock) -> None:
    breaker = EndpointBreaker(clock, CLIENT, Places(8, 8))
    for _ in range(10):
        assert breaker.try_acquire() is None
        clock.tick(1)
        breaker.release(Unavailable("no connection"), clock.now())
    waits = [deferral.wait_s for _ in range(100) if (deferral := breaker.try_acquire())]
    assert len(waits) == 100
    assert waits[0] >= 60
    assert waits[-1] - waits[0] >= 99 * 0.5


class Altered:
    """A store in which somebody has altered every endpoint and every person."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def get(self, collection: str, id: str) -> Any:
        if collection in (ENDPOINTS, PEOPLE):
            raise BrokenSeal(key="altered")
        return self._store.get(collection, id)


def test_an_endpoint_that_somebody_has_altered_holds_up_no_payment(house: House) -> None:
    endpoint = house.endpoint(owner="city")
    everybody = house.endpoint("payment.succeeded", owner=new_id(), hears=EVERYBODY)
    house.store = cast("Any", Altered(house.store))
    pay(house, report_to={"endpoint": endpoint.id, "url": endpoint.url})
    assert load(house.store).status is Status.SUCCEEDED
    assert [delivery.subject for delivery in house.deliveries()] == [everybody.id]
    house.deliver()
    assert house.receiver.got == []
