"""Bearer tokens: which are believed, and which are not; and where the secret that signs them comes from."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from api.app import create_app
from api.auth.tokens import LIFETIME_S
from core.bootstrap import Core
from core.secrets import signing_secrets
from core.settings import BadSettings, read_settings
from tests.api.kit import NO_ID, SETTINGS, Caller, House, assert_problem, build
from tests.doubles import START

ME = "/v1/wallets/me"
SECRET, OTHER = SETTINGS.secret_key, "fedcba9876543210" * 4
NOW = int(START.timestamp())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forged(
    person: str, header: Mapping[str, Any], claims: Mapping[str, Any], secret: str = SECRET, digest: str = "sha256"
) -> str:
    """A token of ours with other members, those of None left out, written by hand: a library would refuse to."""
    kid = hashlib.sha256(SECRET.encode()).hexdigest()[:8]
    whole_header = {"alg": "HS256", "typ": "JWT", "kid": kid, **header}
    whole = {"sub": person, "iss": "quittance", "aud": "quittance", "iat": NOW, "exp": NOW + LIFETIME_S, **claims}
    parts = [{name: value for name, value in part.items() if value is not None} for part in (whole_header, whole)]
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(hmac.digest(secret.encode(), text.encode(), digest) if digest else b'')}"


def assert_foreign(caller: Caller) -> None:
    answer = caller.get(ME)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("awa")


@pytest.fixture(scope="module")
def kofi() -> Iterator[Caller]:
    """Somebody in a house that stays as it is."""
    house = build()
    yield house.person("kofi")
    house.store.close()


def test_a_token_names_its_key_and_its_person(awa: Caller) -> None:
    assert jwt.get_unverified_header(awa.token)["alg"] == "HS256"
    payload = jwt.decode(awa.token, options={"verify_signature": False})
    assert len(payload.pop("jti")) == 16
    assert payload == {
        "sub": awa.id,
        "epoch": 0,
        "two": False,
        "iss": "quittance",
        "aud": "quittance",
        "iat": NOW,
        "exp": NOW + 3600,
    }


def test_what_is_forged_here_is_believed_when_nothing_is_wrong_with_it(house: House, awa: Caller) -> None:
    # Else the next tests would show nothing
    assert house.caller(forged(awa.id, {}, {})).get(ME).json["id"] == awa.id
    assert house.caller(forged(awa.id, {"x": 1}, {"x": 1})).get(ME).status_code == 200


@pytest.mark.parametrize(
    ("header", "claims", "how"),
    [
        ({}, {}, {"secret": OTHER}),
        ({}, {}, {"secret": ""}),
        ({"kid": None}, {}, {}),
        ({"kid": "00000000"}, {}, {}),
        ({"kid": ""}, {}, {}),
        ({"kid": 7}, {}, {}),
        ({"kid": ["x"]}, {}, {}),
        ({"kid": "../../../../dev/null"}, {}, {"secret": ""}),
        ({"kid": hashlib.sha256(OTHER.encode()).hexdigest()[:8]}, {}, {"secret": OTHER}),
        ({"alg": "none"}, {}, {"digest": ""}),
        ({"alg": "None"}, {}, {"digest": ""}),
        ({"alg": "NONE"}, {}, {"digest": ""}),
        ({"alg": "none"}, {}, {}),
        ({"alg": None}, {}, {}),
        ({"alg": ""}, {}, {}),
        ({}, {}, {"digest": ""}),
        ({"alg": "HS512"}, {}, {"digest": "sha512"}),
        ({"alg": "HS384"}, {}, {"digest": "sha384"}),
        ({"alg": "HS512"}, {}, {}),
        ({"alg": "RS256"}, {}, {}),
        ({"alg": "ES256"}, {}, {}),
        ({"alg": "hs256"}, {}, {}),
        ({"jwk": {"kty": "oct", "k": _base64(OTHER.encode())}}, {}, {"secret": OTHER}),
        ({"crit": ["exp"]}, {}, {"secret": OTHER}),
        ({}, {"exp": None}, {}),
        ({}, {"iat": None}, {}),
        ({}, {"iss": None}, {}),
        ({}, {"aud": None}, {}),
        ({}, {"sub": None}, {}),
        ({}, {"exp": NOW}, {}),
        ({}, {"exp": NOW - 1}, {}),
        ({}, {"exp": "tomorrow"}, {}),
        ({}, {"exp": [NOW + 60]}, {}),
        ({}, {"aud": "others"}, {}),
        ({}, {"aud": ["others"]}, {}),
        ({}, {"aud": "quittance "}, {}),
        ({}, {"iss": "others"}, {}),
        ({}, {"iss": ""}, {}),
        ({}, {"sub": NO_ID}, {}),
        ({}, {"sub": "awa"}, {}),
        ({}, {"sub": ""}, {}),
        ({}, {"sub": 7}, {}),
        ({}, {"sub": "admin-token"}, {}),
        ({}, {"nbf": 9999999999}, {}),
    ],
)  # fmt: skip
def test_a_token_that_is_not_ours_in_every_point_is_foreign(kofi: Caller, header: Any, claims: Any, how: Any) -> None:
    assert_foreign(kofi.house.caller(forged(kofi.id, header, claims, **how)))


def test_a_token_altered_for_somebody_else_is_foreign(house: House, awa: Caller) -> None:
    header, _, signature = awa.token.split(".")
    claims = forged(house.person("kofi").id, {}, {}).split(".")[1]

    assert_foreign(house.caller(f"{header}.{claims}.{signature}"))


def test_a_token_cut_or_added_to_is_foreign(house: House, awa: Caller) -> None:
    header, claims, signature = awa.token.split(".")
    for token in (
        f"{header}.{claims}",
        f"{header}.{claims}.",
        f"{awa.token}.{signature}",
        awa.token[:-1],
        f"x{awa.token}",
    ):
        assert_foreign(house.caller(token))


def test_a_token_is_good_for_an_hour(house: House, awa: Caller) -> None:
    house.tick(LIFETIME_S - 0.1)
    assert awa.get(ME).status_code == 200

    house.tick(0.1)
    assert_foreign(awa)


def test_a_secret_is_changed_in_peace() -> None:
    # Given a token that the old secret signed
    before = build(secret_key=OTHER)
    awa = before.person("awa")

    # If the new one is put before it
    during = build(before.store, secret_key=f"{SECRET} {OTHER}")

    # I expect the token to be believed still, and new ones to be signed with the new secret alone
    assert during.caller(awa.token).get(ME).json["id"] == awa.id
    fresh = during.app.extensions["tokens"].issue(awa.id)
    after = build(before.store, secret_key=SECRET)
    assert after.caller(fresh).get(ME).json["id"] == awa.id
    assert_foreign(after.caller(awa.token))
    assert_foreign(before.caller(fresh))


def test_several_machines_need_a_secret_that_is_set() -> None:
    large = replace(SETTINGS, store_url="mongodb://x", secret_key="")

    with pytest.raises(BadSettings, match="SECRET_KEY"):
        signing_secrets(large)
    assert signing_secrets(replace(large, secret_key=SECRET)) == [SECRET]


@pytest.mark.parametrize("name", ["secret_key", "pin_pepper"])
def test_the_api_does_not_start_without_a_secret_that_it_needs(house: House, name: str) -> None:
    settings = replace(SETTINGS, store_url="postgresql://x/y", **{name: ""})  # type: ignore[arg-type]

    with pytest.raises(SystemExit, match=f"api: {name.upper()}"):
        create_app(Core(settings, house.clock, house.store, house.broker))


def test_one_machine_makes_its_secret_once(tmp_path: Path) -> None:
    settings = replace(SETTINGS, var_dir=tmp_path / "var", secret_key="")

    [secret] = signing_secrets(settings)

    assert len(secret) >= 32
    assert signing_secrets(settings) == [secret]
    assert (tmp_path / "var" / "secret_key").read_text() == secret
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_two_machines_make_two_secrets(tmp_path: Path) -> None:
    one, other = (replace(SETTINGS, var_dir=tmp_path / name, secret_key="") for name in ("one", "other"))

    assert signing_secrets(one) != signing_secrets(other)


def test_an_empty_secret_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")

    with pytest.raises(BadSettings, match="secret_key is too short"):
        signing_secrets(replace(SETTINGS, var_dir=tmp_path, secret_key=""))


def test_an_unusable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadSettings, match="VAR_DIR"):
        signing_secrets(replace(SETTINGS, var_dir=tmp_path / "file", secret_key=""))


@pytest.mark.parametrize("secret", ["x", "x" * 31, f"{SECRET} short", f"short {SECRET}"])
def test_a_short_secret_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(BadSettings, match="SECRET_KEY") as refused:
        read_settings()
    assert secret not in str(refused.value)


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n{OTHER}\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.delenv("SECRET_KEY", raising=False)

    assert signing_secrets(read_settings()) == [SECRET, OTHER]
