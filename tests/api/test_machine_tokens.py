"""Tokens of machines: how an API key gets one (RFC 6749, section 4.4), what it is good for, and when it ends."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from api.auth.tokens import MACHINE_LIFETIME_S, MACHINES, PEOPLE, MachineClaims
from core.identity.api_keys import ApiKey, Grant, digest_of
from core.rates import Rate
from tests.answers import Answer
from tests.api.kit import PASSWORD, SETTINGS, Caller, House, assert_problem, build, machine_token
from tests.api.test_tokens import forged

URL = "/v1/auth/token"
SCOPES = frozenset({"consultations", "payouts:create"})
LIST = "/consultations"


def make(house: House, grant: Grant | frozenset[str] = SCOPES, lifetime: timedelta | None = None) -> tuple[ApiKey, str]:
    return house.core.api_keys.create("clinic", grant, lifetime=lifetime)


def ask(house: House, address: str = "10.0.0.1", basic: tuple[str, str] | None = None, **form: Any) -> Answer:
    headers = {} if basic is None else {"Authorization": _basic(*basic)}
    form = {name: value for name, value in {"grant_type": "client_credentials", **form}.items() if value is not None}
    return house.http.post(URL, data=form, headers=headers, environ_base={"REMOTE_ADDR": address})


def _basic(id: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{id}:{secret}'.encode()).decode()}"


def assert_refused(answer: Answer, status: int, error: str) -> None:
    """A refusal as section 5.2 has it, which is a problem as well."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    assert (answer.json["error"], answer.json["code"], answer.json["status"]) == (error, error, status)
    assert answer.json["error_description"] == answer.json["detail"]
    assert set(answer.json["detail"]) <= {chr(n) for n in range(0x20, 0x7F)} - {'"', "\\"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="quittance"'


@pytest.mark.parametrize("by", ["basic", "form", "basic and its id in the form"])
def test_a_key_gets_a_token(house: House, by: str) -> None:
    made, text = make(house)
    shown: dict[str, dict[str, Any]] = {
        "basic": {"basic": (made.id, text)},
        "form": {"client_id": made.id, "client_secret": text},
        "basic and its id in the form": {"basic": (made.id, text), "client_id": made.id},
    }

    answer = ask(house, **shown[by])

    assert answer.status_code == 200
    token = answer.json.pop("access_token")
    assert answer.json | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "consultations payouts:create",
    }
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert house.caller(token).get(LIST).status_code == 200


def test_a_token_says_whose_it_is_and_not_the_key(house: House) -> None:
    made, text = make(house)
    token = machine_token(house, text, scope="consultations")
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (made.client, made.id, MACHINES)
    assert (claims["scope"], claims["exp"] - claims["iat"]) == ("consultations", MACHINE_LIFETIME_S)
    assert text not in json.dumps(claims)


@pytest.mark.parametrize("wanted", ["consultations", "consultations consultations", "payouts:create consultations"])
def test_a_token_is_good_for_the_scopes_that_were_asked_for(house: House, wanted: str) -> None:
    made, text = make(house)
    answer = ask(house, basic=(made.id, text), scope=wanted)
    assert answer.json["scope"] == " ".join(sorted(set(wanted.split())))
    machine = house.caller(answer.json["access_token"])
    assert machine.get(LIST).status_code == 200
    assert machine.get("/v1/payouts").status_code == (200 if "payouts" in wanted else 403)


@pytest.mark.parametrize(
    "wanted", ["payers:check", "consultations payers:check", "consultations  ", "x", '"', "é", "*"]
)
def test_no_token_is_good_for_more_than_its_key(house: House, wanted: str) -> None:
    made, text = make(house)
    assert_refused(ask(house, basic=(made.id, text), scope=wanted), 400, "invalid_scope")


def test_who_has_not_both_the_id_and_the_text_is_no_client(house: House) -> None:
    made, text = make(house)
    other, other_text = make(house)
    pairs = [
        ("", ""),
        (made.id, ""),
        ("", text),
        (text, made.id),
        (made.id, other_text),
        (other.id, text),
        (made.id, made.id),
        (made.id, digest_of(text)),
        (made.id.upper(), text),
        (made.client + " ", text),
        (made.id, SETTINGS.admin_token),
        ("admin-token", SETTINGS.admin_token),
        ("%00", "%ED%A0%80"),
    ]
    for id, secret in pairs:
        assert_refused(ask(house, basic=(id, secret)), 401, "invalid_client")
        assert_refused(ask(house, client_id=id, client_secret=secret), 401, "invalid_client")
    assert_refused(ask(house), 401, "invalid_client")
    broken = house.http.post(URL, data={"grant_type": "client_credentials"}, headers={"Authorization": "Basic !"})
    assert_refused(broken, 401, "invalid_client")


def test_a_person_is_no_client(house: House) -> None:
    awa = house.person("awa")
    assert_refused(ask(house, basic=("awa", PASSWORD)), 401, "invalid_client")
    assert_refused(ask(house, client_id=awa.id, client_secret=PASSWORD), 401, "invalid_client")
    bearer = {"Authorization": f"Bearer {awa.token}"}
    assert_refused(
        house.http.post(URL, data={"grant_type": "client_credentials"}, headers=bearer), 401, "invalid_client"
    )


def test_a_request_that_is_not_well_formed_is_invalid(house: House) -> None:
    made, text = make(house)
    both: dict[str, Any] = {"client_id": made.id, "client_secret": text}
    for answer in (
        ask(house, basic=(made.id, text), client_secret=text),
        ask(house, basic=(made.id, text), client_id=make(house)[0].id),
        ask(house, **both, scope=["consultations", "payouts:create"]),
        ask(house, client_id=[made.id, made.id], client_secret=text),
        ask(house, grant_type=None, **both),
        ask(house, grant_type="", basic=(made.id, text)),
    ):
        assert_refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "grant", ["authorization_code", "refresh_token", "implicit", "Password", "client_credentials "]
)
def test_other_grants_are_not_supported(house: House, grant: str) -> None:
    made, text = make(house)
    assert_refused(ask(house, grant_type=grant, basic=(made.id, text)), 400, "unsupported_grant_type")


@pytest.mark.parametrize("grant", [None, "", "password"])
def test_people_sign_in_as_before(house: House, grant: str | None) -> None:
    house.person("awa")
    answer = ask(house, grant_type=grant, username="awa", password=PASSWORD, scope="ignored")
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("bearer", 3600)
    assert house.caller(answer.json["access_token"]).get("/v1/wallets/me").status_code == 200
    assert_problem(ask(house, grant_type=grant, username="awa", password="wrong"), 401, "wrong_credentials")
    assert_problem(ask(house, grant_type=grant, username="awa"), 422, "validation_failed")


def test_a_token_is_good_for_fifteen_minutes_and_no_longer_than_its_key(house: House) -> None:
    long, short = make(house), make(house, lifetime=timedelta(minutes=5))
    answers = [ask(house, basic=(made.id, text)) for made, text in (long, short)]
    assert [answer.json["expires_in"] for answer in answers] == [900, 300]
    one, other = (house.caller(answer.json["access_token"]) for answer in answers)

    house.tick(299.9)
    assert [machine.get(LIST).status_code for machine in (one, other)] == [200, 200]
    house.tick(0.1)
    assert [machine.get(LIST).status_code for machine in (one, other)] == [200, 401]
    house.tick(600)
    assert one.get(LIST).status_code == 401
    assert_refused(ask(house, basic=(short[0].id, short[1])), 401, "invalid_client")


def test_the_tokens_of_a_revoked_key_end_at_once(house: House) -> None:
    made, text = make(house)
    machine = house.caller(machine_token(house, text))
    assert machine.get(LIST).status_code == 200

    house.core.api_keys.revoke(made.id)

    answer = machine.get(LIST)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert_refused(ask(house, basic=(made.id, text)), 401, "invalid_client")


def test_a_token_ends_when_its_rotated_key_does(house: House) -> None:
    made, text = make(house)
    machine = house.caller(machine_token(house, text))
    house.core.api_keys.rotate(made.id, timedelta(minutes=1))
    assert machine.get(LIST).status_code == 200
    house.tick(60)
    assert machine.get(LIST).status_code == 401


def test_a_token_is_asked_for_and_used_from_the_networks_of_its_key(house: House) -> None:
    made, text = make(house, Grant(SCOPES, (), ("10.1.0.0/16",)))
    assert_refused(ask(house, "10.2.0.1", basic=(made.id, text)), 401, "invalid_client")
    token = ask(house, "10.1.2.3", basic=(made.id, text)).json["access_token"]
    for address, status in (("10.1.2.3", 200), ("10.2.0.1", 401)):
        bearer = {"Authorization": f"Bearer {token}"}
        assert house.http.get(LIST, headers=bearer, environ_base={"REMOTE_ADDR": address}).status_code == status


def test_a_token_is_good_for_the_topics_of_its_key(house: House) -> None:
    _, text = make(house, Grant(frozenset({"events:publish"}), ("clinic.*.*",)))
    machine = house.caller(machine_token(house, text))
    assert machine.post("/api/event/clinic/visit/opened", {"n": 1}).status_code == 202
    assert_problem(machine.post("/api/event/shop/order/made", {"n": 1}), 403, "forbidden")


def test_a_token_and_its_key_are_one_client(house: House) -> None:
    _, text = make(house)
    started = {"physician_id": "a", "patient_id": "b", "start_date": "2025-12-31 13:00:00"}
    first = house.caller(text).post("/start", started, Idempotency_Key="k")
    again = house.caller(machine_token(house, text)).post("/start", started, Idempotency_Key="k")
    assert (again.json["id"], again.headers["Idempotency-Replayed"]) == (first.json["id"], "true")


def test_a_request_with_a_token_reads_its_key_by_id_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = make(house)
    token = machine_token(house, text)
    read: list[str] = []
    get = house.store.get

    def noted(collection: str, id: str) -> Any:
        read.append(collection)
        return get(collection, id)

    monkeypatch.setattr(house.store, "get", noted)
    assert house.caller(token).get(LIST).status_code == 200
    assert read == ["api_keys"]


def _signed(house: House, caller: Caller, **changes: Any) -> tuple[str, str]:
    """Tokens that we have signed, each a mixture: a person's that is said to be a machine's, and the reverse."""
    made, text = make(house)
    machine = {"client_id": made.id, "key": digest_of(text), "scope": "consultations", "sub": made.client}
    person = {"epoch": 0, "two": True, "sub": caller.id}
    return (
        forged(caller.id, {"typ": changes.get("type", "JWT")}, {**machine, "aud": changes.get("aud", PEOPLE)}),
        forged(caller.id, {"typ": changes.get("type", "at+jwt")}, {**person, "aud": changes.get("aud", MACHINES)}),
    )


def test_what_is_forged_here_is_a_machines_token_when_nothing_is_wrong_with_it(house: House) -> None:
    machine, _ = _signed(house, house.person("awa"), type="at+jwt", aud=MACHINES)
    assert house.caller(machine).get(LIST).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": "JWT", "aud": MACHINES},
        {"type": "at+jwt", "aud": PEOPLE},
        {"type": "at+jwt", "aud": [MACHINES, PEOPLE]},
        {"type": "JWT", "aud": [PEOPLE, MACHINES]},
        {"type": "at+jwt", "aud": [MACHINES]},
        {"type": None, "aud": MACHINES},
        {"type": "AT+JWT", "aud": MACHINES},
    ],
)
def test_no_token_is_both_a_persons_and_a_machines(house: House, changes: dict[str, Any]) -> None:
    awa = house.person("awa")
    for token in _signed(house, awa, **changes):
        for path in ("/v1/wallets/me", LIST):
            assert house.caller(token).get(path).status_code == 401, (changes, path)


@pytest.mark.parametrize("missing", ["client_id", "key", "scope", "sub", "exp", "iat", "iss"])
def test_a_token_without_one_of_its_claims_is_foreign(house: House, missing: str) -> None:
    made, text = make(house)
    claims = {"client_id": made.id, "key": digest_of(text), "scope": "consultations", "aud": MACHINES, missing: None}
    assert house.caller(forged(made.client, {"typ": "at+jwt"}, claims)).get(LIST).status_code == 401


def test_a_token_cannot_name_another_key_than_it_has(house: House) -> None:
    (made, text), (other, _) = make(house), make(house)
    tokens = house.app.extensions["tokens"]
    for key, digest in ((other.id, digest_of(text)), (made.id, digest_of("qtk_x")), (made.id, made.id), ("", "")):
        token = tokens.issue_to_machine(made.client, MachineClaims(key, digest, SCOPES))
        assert house.caller(token).get(LIST).status_code == 401


def test_a_token_has_no_scope_that_its_key_has_not(house: House) -> None:
    made, text = make(house, frozenset({"consultations"}))
    claims = MachineClaims(made.id, digest_of(text), SCOPES)
    machine = house.caller(house.app.extensions["tokens"].issue_to_machine(made.client, claims))
    assert [machine.get(path).status_code for path in (LIST, "/v1/payouts")] == [200, 403]


def test_the_secrets_of_clients_are_not_guessed() -> None:
    house = build(rate_limits={"guesses": Rate(3, 60)})
    made, text = make(house)
    guesses = [ask(house, basic=(made.id, f"qtk_guess{number}")).status_code for number in range(5)]
    assert guesses == [401, 401, 401, 429, 429]

    # I expect that who guesses does not keep out others behind the same address
    assert ask(house, basic=(made.id, text)).status_code == 200
    house.store.close()


def test_wrong_keys_are_looked_up_only_so_often() -> None:
    house = build(rate_limits={"keys": Rate(3, 60)})
    made, text = make(house)
    wrong = [ask(house, basic=(made.id, f"qtk_{number:043d}")).status_code for number in range(5)]
    assert wrong == [401, 401, 401, 429, 429]

    # I expect that a right one is not looked at either, that bearers are counted with them, and that others go on
    assert_problem(ask(house, basic=(made.id, text)), 429, "too_many_requests")
    bearer = {"Authorization": f"Bearer {text}"}
    assert house.http.get(LIST, headers=bearer, environ_base={"REMOTE_ADDR": "10.0.0.1"}).status_code == 429
    assert ask(house, "10.0.0.2", basic=(made.id, text)).status_code == 200
    house.store.close()


def test_requests_for_tokens_are_limited_as_sign_ins_are() -> None:
    house = build(rate_limits={"sign_in": Rate(2, 60)})
    made, text = make(house)
    assert [ask(house, basic=(made.id, text)).status_code for _ in range(3)] == [200, 200, 429]
    house.store.close()


def test_the_security_log_says_which_key_asked_and_never_its_text(house: House) -> None:
    made, text = make(house)
    ask(house, basic=(made.id, text))
    ask(house, basic=(made.id, "qtk_wrong"))
    ask(house, basic=(text, made.id))  # mixed up
    ask(house, basic=(made.id, text), scope="x")
    entries = [*house.core.security_log.newest(10)]
    assert [(entry["what"], entry["who"], entry["outcome"]) for entry in reversed(entries)] == [
        ("machine token", made.id, "done"),
        ("machine token", made.id, "invalid_client"),
        ("machine token", "anonymous", "invalid_client"),
        ("machine token", made.id, "invalid_scope"),
    ]
    assert text not in json.dumps(entries)


def test_authorize_in_the_docs_takes_the_id_and_the_text_of_a_key(house: House) -> None:
    spec = json.loads(house.http.get("/openapi.json").data)
    flow = spec["components"]["securitySchemes"]["machine"]["flows"]["clientCredentials"]
    assert flow["scopes"].keys() == house.settings.installed.scopes

    # I expect a token where it says, by the form that the page sends
    made, text = make(house)
    form = {"grant_type": "client_credentials", "scope": "consultations payouts:create"}
    answer = house.http.post(flow["tokenUrl"], data=form, headers={"Authorization": _basic(made.id, text)})
    assert house.caller(answer.json["access_token"]).get(LIST).status_code == 200


def test_a_changed_secret_of_the_installation_ends_tokens(house: House) -> None:
    _, text = make(house)
    token = machine_token(house, text)
    other = House(house.store, house.broker, house.clock, replace(house.settings, secret_key="9" * 64))
    assert other.caller(token).get(LIST).status_code == 401
