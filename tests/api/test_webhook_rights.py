"""Endpoints whose owner may not hear any more: the key or the role that made them has ended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from core.identity.people import Role
from core.operation import Status
from core.store.port import API_KEYS, PEOPLE, update
from products.webhooks.contract import WEBHOOK
from products.webhooks.endpoints import Endpoints
from products.webhooks.rights import Rights
from tests.api.kit import Caller, House, assert_problem, build
from tests.api.webhook_kit import DELIVERIES, Postman, announce, made, shop
from tests.ussd.kit import Worker

Lose = Callable[[House], None]


def revoke(house: House) -> None:
    """Its key with the scope: it has another one, without."""
    for key in house.core.api_keys.all():
        if "webhooks:all" in key.scopes:
            assert house.core.api_keys.revoke(key.id)


def suspend(house: House) -> None:
    house.core.people.suspend(olga(house), True)


def demote(house: House) -> None:
    update(house.store, PEOPLE, olga(house), lambda document: {**document, "role": "user"})


def olga(house: House) -> str:
    found = house.core.people.named("olga")
    assert found is not None
    return found.id


def hears_all(house: House, lose: Lose) -> Caller:
    return shop(house, "webhooks:all") if lose is revoke else house.person("olga", Role.OPERATOR)


@pytest.fixture
def postman(worker: Worker) -> Postman:
    return Postman(worker)


@pytest.mark.parametrize("lose", [revoke, suspend, demote])
def test_nobody_hears_everybody_after_their_right_has_ended(house: House, postman: Postman, lose: Lose) -> None:
    payer = shop(house)
    id = made(hears_all(house, lose), everybody=True)["id"]
    announce(house, payer, 1)
    postman.run()
    assert len(postman.sent) == 1

    announce(house, payer, 2)  # it is announced while they may hear, and delivered when they may not
    lose(house)
    house.tick(6)
    with capture_logs() as logs:
        postman.run()
    assert len(postman.sent) == 1
    (off,) = [line for line in logs if line["event"] == "webhook_endpoint_off"]
    assert (off["endpoint"], off["why"], off["log_level"]) == (id, "owner", "error")
    endpoint = Endpoints(house.store, house.clock).get(id)
    assert endpoint is not None
    assert endpoint.why_off == "its owner may not hear this any more"


@pytest.mark.parametrize("lose", [revoke, suspend, demote])
def test_nothing_is_announced_to_who_may_not_hear_everybody(house: House, lose: Lose) -> None:
    payer = shop(house)
    id = made(hears_all(house, lose), everybody=True)["id"]
    lose(house)
    house.tick(6)
    announce(house, payer, 1, Status.PROCESSING)
    assert list(house.store.find("operations", {"kind": WEBHOOK.kind})) == []
    off = Endpoints(house.store, house.clock).get(id)
    assert off is not None
    assert off.state == "off"


def test_a_key_that_follows_another_keeps_the_right(house: House, postman: Postman) -> None:
    made(shop(house, "webhooks:all"), everybody=True)
    (old,) = house.core.api_keys.all()
    assert house.core.api_keys.rotate(old.id, timedelta(0))
    assert house.core.api_keys.revoke(old.id)
    house.tick(6)
    announce(house, shop(house), 1)
    postman.run()
    assert len(postman.sent) == 1


def test_what_was_made_while_anybody_was_let_in_hears_nothing_afterwards() -> None:
    house = build()
    settings = house.core.settings
    anybody = replace(settings, admin_token="")
    endpoints = Endpoints(house.store, house.clock)
    endpoint = endpoints.create("anonymous", "https://203.0.114.1/", ("*",))
    assert Rights(house.store, house.clock, anybody.let_in).may_hear(endpoint)
    closed = replace(settings, admin_token="sesame sesame").let_in
    assert not Rights(house.store, house.clock, closed).may_hear(endpoint)
    admins = endpoints.create("admin-token", "https://203.0.114.1/", ("*",), hears="*")
    assert Rights(house.store, house.clock, closed).may_hear(admins)
    assert not Rights(house.store, house.clock, frozenset()).may_hear(admins)
    house.store.close()


def test_who_may_not_hear_everybody_does_not_read_what_was_sent_either(house: House, postman: Postman) -> None:
    """A key of the same client, or a token of it for fewer scopes."""
    caller = shop(house, "webhooks:all")
    id = made(caller, everybody=True)["id"]
    announce(house, shop(house), 1)
    own = announce(house, caller, 2)
    made(caller, description="its own")
    postman.run()
    (sent, *_) = caller.get(f"{DELIVERIES}?endpoint={id}").json["deliveries"]
    path = f"{DELIVERIES}/{sent['id']}"
    assert caller.get(path).status_code == 200

    (key,) = (key for key in house.store.find(API_KEYS, {}) if "webhooks:all" in key["scopes"])
    house.store.replace(API_KEYS, {**key, "scopes": ["webhooks:manage"]})

    assert_problem(caller.get(path), 404, "delivery_not_found")
    assert_problem(caller.send("POST", f"{path}/resend"), 404, "delivery_not_found")
    assert caller.get(f"{DELIVERIES}?operation={own}").json["deliveries"] == []
