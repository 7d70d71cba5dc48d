"""A machine publishes to the topics of its key, and begins few new ones."""

from collections.abc import Iterator

import pytest

from core.identity.api_keys import Grant
from products.events.contract import EventsSettings
from products.events.topics import REMEMBERED, Topics, matches
from tests.api.kit import Caller, House, assert_problem, build

SCOPES = frozenset({"events:publish", "events:read"})
MOST = 3


@pytest.fixture
def house() -> Iterator[House]:
    house = build(None, None, EventsSettings(MOST))
    yield house
    house.store.close()


def machine(house: House, *topics: str) -> Caller:
    return house.caller(house.core.api_keys.create("lab", Grant(SCOPES, topics))[1])


def test_a_key_is_good_for_the_topics_that_its_patterns_match(house: House) -> None:
    lab = machine(house, "clinic.*.*", "city/v1.2/opened")
    own = lab.post("/api/event/clinic/visit/opened", {}).headers["Location"]
    assert lab.get(own).status_code == 200
    assert lab.get("/api/event/clinic/visit/opened").status_code == 200
    assert lab.post("/api/event/city/v1.2/opened", {}).status_code == 202

    for path in ("/api/event/bank/visit/opened", "/api/event/city/v1.2/closed"):
        assert_problem(lab.post(path, {}), 403, "forbidden")
        assert_problem(lab.get(path), 403, "forbidden")
    assert_problem(machine(house).post("/api/event/clinic/visit/opened", {}), 403, "forbidden")


def test_an_event_of_another_topic_is_not_found_even_with_the_scope_for_all(house: House) -> None:
    path = machine(house, "clinic.*.*").post("/api/event/clinic/visit/opened", {}).headers["Location"]
    grant = Grant(SCOPES | {"events:all"}, ("bank.*.*",))
    reader = house.caller(house.core.api_keys.create("bank", grant)[1])

    assert_problem(reader.get(path), 404, "event_not_found")


def test_a_machine_begins_few_new_topics_within_an_hour(house: House) -> None:
    lab = machine(house, "*.*.*")
    for number in range(MOST):
        assert lab.post(f"/api/event/a/b/{number}", {}).status_code == 202

    refused = lab.post("/api/event/a/b/more", {})
    assert_problem(refused, 429, "too_many_topics")
    assert refused.headers["Retry-After"] == "3601"
    # I expect topics that are there, other machines and operators to be free of it
    assert lab.post("/api/event/a/b/0", {"again": True}).status_code == 202
    assert machine(house, "*.*.*").post("/api/event/a/b/more", {}).status_code == 202
    for number in range(MOST + 1):
        assert house.caller().post(f"/api/event/operators/b/{number}", {}).status_code == 202
    house.tick(3601)
    assert lab.post("/api/event/a/b/later", {}).status_code == 202


def test_a_replay_of_what_was_accepted_is_never_refused(house: House) -> None:
    lab = machine(house, "*.*.*")
    first = lab.post("/api/event/a/b/0", {}, Idempotency_Key="k")
    for number in range(1, MOST):
        lab.post(f"/api/event/a/b/{number}", {})
    house.core.of(Topics)._known.clear()

    again = lab.post("/api/event/a/b/0", {}, Idempotency_Key="k")

    assert (again.status_code, again.json["event_uid"]) == (202, first.json["event_uid"])


def test_a_process_forgets_topics_rather_than_grow(house: House) -> None:
    topics = house.core.of(Topics)
    topics._known.update(map(str, range(REMEMBERED)))

    topics.count_new(("a", "b", "c"), "lab", MOST)

    assert topics._known == {"a/b/c"}


@pytest.mark.parametrize(
    ("pattern", "is_good"),
    [
        ("clinic.visit.opened", True),
        ("clinic.*.*", True),
        ("*.*.*", True),
        ("clinic/*/opened", True),
        ("clinic.*", False),
        ("clinic.*.*.*", False),
        ("Clinic.*.*", False),
        ("cli*.*.*", False),
        ("", False),
    ],
)
def test_patterns(pattern: str, is_good: bool) -> None:
    assert matches(pattern, ("clinic", "visit", "opened")) == is_good
