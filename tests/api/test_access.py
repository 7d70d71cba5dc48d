"""Who may call what: the whole table, and every protected route against everybody."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.views import MethodView

from api.auth.access import anyone, declared
from core.identity.api_keys import ApiKeys, Grant
from core.identity.people import Role
from core.installed import Installed
from tests.answers import Answer
from tests.api.kit import NO_ID, URL, Caller, House, assert_problem, body, build, machine_token
from tests.api.route_access import ROUTES

PROTECTED = [
    route for route, access in ROUTES.items() if not access.startswith("anyone") and not access.startswith("gateway")
]
ADMITTED = {
    "signed in": {"user", "operator", "admin"},
    "role operator": {"operator", "admin", "admin token"},
    "role admin": {"admin", "admin token"},
    "scope consultations": {"operator", "admin", "admin token", "key", "key by token"},
    "scope payouts:create": {"operator", "admin", "admin token", "key", "key by token"},
    "scope refunds:create": {"operator", "admin", "admin token", "key", "key by token"},
    "scope fines:read": {"operator", "admin", "admin token", "key", "key by token"},
    "scope payers:check": {"operator", "admin", "admin token", "key", "key by token"},
    "scope webhooks:manage": {"operator", "admin", "admin token", "key", "key by token"},
    "scope events:publish": {"operator", "admin", "admin token", "key", "key by token"},
    "scope events:read": {"operator", "admin", "admin token", "key", "key by token"},
    "role operator or scope operations:read": {"operator", "admin", "admin token", "key", "key by token"},
    "role operator or scope fines:read": {"operator", "admin", "admin token", "key", "key by token"},
}
SCOPE = frozenset(
    {
        "consultations",
        "payouts:create",
        "refunds:create",
        "payers:check",
        "events:publish",
        "events:read",
        "fines:read",
        "operations:read",
        "webhooks:manage",
    }
)


@pytest.fixture(scope="module")
def large() -> Iterator[House]:
    """A house that is not the embedded one, as far as its settings say; for tests that do not mind each other."""
    house = build(store_url="mongodb://x")
    yield house
    house.store.close()


def key(house: House, scopes: frozenset[str] = SCOPE) -> Caller:
    _, text = ApiKeys(house.store, house.clock).create("clinic", Grant(scopes, ("*.*.*",)))
    return house.caller(text)


def by_token(key: Caller) -> Caller:
    """The machine with this key, with a token instead."""
    return key.house.caller(machine_token(key.house, key.token))


def call(caller: Caller, route: str, method: str | None = None) -> Answer:
    """A request to the route that is well-formed and asks for nothing that is there."""
    declared, rule = route.split()
    method = method or declared
    return caller.send(
        method, re.sub(r"<(?:\w+:)?\w+>", NO_ID, rule), None if method in ("GET", "HEAD") else '{"unknown": 1}'
    )


@pytest.fixture(scope="module")
def everybody(large: House) -> dict[str, Caller]:
    known, unknown = key(large), key(large, frozenset())
    return {
        "user": large.person("user"),
        "operator": large.person("operator", Role.OPERATOR),
        "admin": large.person("admin", Role.ADMIN),
        "admin token": large.caller(),
        "key": known,
        "key by token": by_token(known),
        "key without the scope": unknown,
        "key without the scope by token": by_token(unknown),
    }


def test_every_route_says_who_may_call_it(house: House) -> None:
    assert house.app.extensions["access"] == ROUTES


@pytest.mark.parametrize("route", PROTECTED)
def test_a_call_without_a_token_is_401_and_names_the_scheme(large: House, route: str) -> None:
    for method in (route.split(maxsplit=1)[0], *(["HEAD"] if route.startswith("GET") else [])):
        answer = large.http.open(re.sub(r"<(?:\w+:)?\w+>", NO_ID, route.split()[1]), method=method, json={})

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert method == "HEAD" or assert_problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("token", ["x", "a.b.c", "qtk_", "qtk_x", "sesame2", "None", "null", "{}", "0", "\u00e9"])
def test_a_token_of_nobody_is_answered_as_invalid(large: House, token: str) -> None:
    for route in PROTECTED:
        answer = call(large.caller(token), route)

        assert_problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("route", PROTECTED)
def test_each_route_is_for_those_whom_it_names(everybody: dict[str, Caller], route: str) -> None:
    for who, caller in everybody.items():
        answer = call(caller, route)

        # I expect 403 for others; those who may call learn what is wrong with their empty request
        if who in ADMITTED[ROUTES[route].partition(",")[0]]:
            assert answer.status_code in (200, 201, 202, 404, 422), (who, answer.text)
        else:
            assert assert_problem(answer, 403, "forbidden"), who


def test_a_refused_call_does_nothing() -> None:
    house = build(store_url="mongodb://x")
    user = house.person("awa")

    answer = user.post("/v1/services/create", {"name": "Permit", "price": 1})

    assert_problem(answer, 403, "forbidden")
    assert house.http.get("/v1/services/list").json["services"] == []
    house.store.close()


def test_the_list_of_fines_takes_an_operators_token(house: House) -> None:
    id = house.pay(body())

    listed = house.person("desk", Role.OPERATOR).get(URL)

    assert [payment["id"] for payment in listed.json["payments"]] == [id]


def test_the_admin_token_acts_as_an_admin_who_is_nobody(house: House) -> None:
    assert house.caller().post("/v1/services/create", {"name": "Permit", "price": 1}).status_code == 201
    assert_problem(house.caller().get("/v1/wallets/me"), 403, "forbidden")


def test_without_an_admin_token_set_nobody_has_it() -> None:
    house = build(admin_token="", store_url="mongodb://x")

    for token in ("", "None", "sesame"):
        assert_problem(house.caller(token).post("/v1/services/create", {}), 401, "unauthorized")


def test_a_suspended_persons_token_is_refused_until_it_is_lifted(house: House) -> None:
    admin = house.person("root", Role.ADMIN)
    house.suspend(admin)

    for path in ("/v1/wallets/me", URL):
        answer = admin.get(path)
        assert_problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'

    house.suspend(admin, False)
    assert admin.get("/v1/wallets/me").status_code == 200


def test_a_revoked_key_is_refused(large: House) -> None:
    keys = ApiKeys(large.store, large.clock)
    made, text = keys.create("clinic", SCOPE)
    assert large.caller(text).get("/consultations").status_code == 200

    assert keys.revoke(made.id)

    assert_problem(large.caller(text).get("/consultations"), 401, "unauthorized")


def test_a_key_is_neither_its_id_nor_its_digest(large: House) -> None:
    made, _ = ApiKeys(large.store, large.clock).create("clinic", SCOPE)
    digest = next(key["id"] for key in large.store.find("api_keys", {}) if key["key"] == made.id)

    for text in (made.id, digest, f"qtk_{made.id}", f"qtk_{digest}"):
        assert_problem(large.caller(text).get("/consultations"), 401, "unauthorized")


@pytest.fixture(scope="module")
def trial() -> Iterator[House]:
    """The embedded default: no setting at all, so no ADMIN_TOKEN."""
    house = build(admin_token="")
    yield house
    house.store.close()


def test_consultations_are_open_on_one_machine_without_an_admin_token_and_nowhere_else(
    trial: House, house: House, large: House, everybody: dict[str, Caller]
) -> None:
    for path in ("/consultations", "/charges"):
        assert trial.http.get(path).status_code == 200
        for guarded in (house, large):
            assert_problem(guarded.http.get(path), 401, "unauthorized")
        assert everybody["key"].get(path).status_code == 200
        assert everybody["operator"].get(path).status_code == 200


def test_anybody_offers_services_on_one_machine_without_an_admin_token_and_only_admins_elsewhere(
    trial: House, house: House, large: House, everybody: dict[str, Caller]
) -> None:
    service = {"name": "Permit", "price": 5000}

    offered = trial.post(service, path="/v1/services/create")
    assert offered.status_code == 201
    assert trial.http.get("/v1/services/list").json["services"] == [offered.json]
    for guarded in (house, large):
        assert_problem(guarded.post(service, path="/v1/services/create"), 401, "unauthorized")
    assert house.caller().post("/v1/services/create", service).status_code == 201
    problem = assert_problem(everybody["operator"].post("/v1/services/create", service), 403, "forbidden")
    assert problem["detail"].endswith("Required: role admin.")
    # Changing one is an administrator's everywhere
    nobody = trial.http.open(offered.headers["Location"], method="PATCH", json={"price": 1})
    assert_problem(nobody, 401, "unauthorized")


def test_two_machines_may_use_the_same_idempotency_key(large: House) -> None:
    # Given two clinics that number their requests alike
    one, other = key(large), key(large)
    request = {"patient_id": "p", "start_date": "2025-12-31 13:00:00"}

    first = one.post("/start", {**request, "physician_id": "a"}, Idempotency_Key="1")
    second = other.post("/start", {**request, "physician_id": "b"}, Idempotency_Key="1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]


def knock(house: House, path: str, key: str | None, method: str = "POST") -> int:
    """The status of a request of a gateway without a field that it needs: 422 for one that is let in."""
    headers = {} if key is None else {"X-Gateway-Key": key}
    if path.endswith("africastalking"):
        return house.http.open(path, method=method, headers=headers, data={"x": "y"}).status_code
    return house.http.open(path, method=method, headers=headers, json={"msIsdn": "nobody"}).status_code


KEYS = {access.split()[1] for access in ROUTES.values() if access.startswith("gateway ")}
DOORS = [
    (*route.replace("<session>", "7").split(), access.split()[1])
    for route, access in ROUTES.items()
    if access.startswith("gateway ")
]


def test_each_gateway_has_its_own_key() -> None:
    for url in ("sqlite://", "mongodb://x"):
        house = build(None, None, store_url=url, **{setting: f"key of {setting}" for setting in KEYS})
        for method, path, setting in DOORS:
            assert knock(house, path, f"key of {setting}", method) == 422
            others = [f"key of {other}" for other in KEYS - {setting}]
            for wrong in (None, "", *others, f"Key of {setting}", ",".join(others), "\u00e9", "sesame"):
                assert knock(house, path, wrong, method) == 401, wrong


def test_a_gateway_without_a_key_is_open_on_one_machine_and_nowhere_else(house: House, large: House) -> None:
    for method, path, _ in DOORS:
        for key in (None, "", "x"):
            assert (knock(house, path, key, method), knock(large, path, key, method)) == (422, 401)


def test_a_route_that_declares_nothing_is_found() -> None:
    app = build().app
    app.add_url_rule("/rogue", view_func=lambda: "in")

    with pytest.raises(LookupError, match="GET /rogue"):
        dict(declared(app))


def test_a_method_that_declares_nothing_is_found_beside_one_that_does() -> None:
    class Half(MethodView):
        @anyone
        def get(self) -> str:
            return "in"

        def delete(self) -> str:
            return "in"

    app = Flask("half", static_folder=None)
    app.add_url_rule("/half", view_func=Half.as_view("half"))

    with pytest.raises(LookupError, match="DELETE /half"):
        dict(declared(app))


def test_an_app_with_a_route_that_declares_nothing_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a product with a route that declares nothing
    folder = tmp_path / "rogue"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "routes.py").write_text(
        "from api.http.blueprint import Routes\n"
        "blueprint = Routes('rogue', __name__, url_prefix='/rogue')\n"
        "blueprint.route('')(lambda: 'in')\n"
        "BLUEPRINTS = (blueprint,)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(LookupError, match="GET /rogue"):
        build(installed=Installed(("rogue",))).app  # noqa: B018
