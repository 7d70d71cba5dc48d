"""API keys are made, listed and revoked on the command line."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.identity.api_keys import ApiKeys
from ops.commands import keys
from tests.doubles import open_sql


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the store that the commands find in their environment."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(keys, arguments)


def make(name: str = "clinic") -> str:
    """The text of a new key."""
    done = run("create", name, "--scope", "consultations")
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()[-1]


def kept(url: str) -> list[dict[str, Any]]:
    opened = open_sql(url)
    try:
        return opened.find("api_keys", {})
    finally:
        opened.close()


def is_good(url: str, text: str) -> bool:
    opened = open_sql(url)
    try:
        return ApiKeys(opened, SystemClock()).look_up(text) is not None
    finally:
        opened.close()


def test_a_key_is_shown_once_alone_on_standard_output(store: str) -> None:
    done = run("create", "clinic", "--scope", "consultations")

    assert done.exit_code == 0
    text = done.stdout.removesuffix("\n")
    assert text.startswith("qtk_")
    assert "\n" not in text
    assert text not in done.stderr
    assert kept(store)[0]["key"] in done.stderr
    assert is_good(store, text)


def test_only_its_digest_is_kept(store: str) -> None:
    text = make()

    [document] = kept(store)
    assert document["id"] == hashlib.sha256(text.encode()).hexdigest()
    assert text.removeprefix("qtk_") not in json.dumps(document)


def test_the_list_shows_everything_but_the_key(store: str) -> None:
    texts = [make("clinic"), make("lab")]
    listed = run("list").output

    for document in kept(store):
        assert all(shown in listed for shown in (document["key"], document["name"], "consultations"))
        assert document["id"] not in listed
    for text in texts:
        assert text not in listed
        assert text.removeprefix("qtk_")[:12] not in listed


def test_the_ids_are_whole_on_a_narrow_terminal(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    make("The billing system of the clinic")

    assert kept(store)[0]["key"] in run("list").output


def test_a_revoked_key_is_refused_and_listed_as_such(store: str) -> None:
    text, other = make("clinic"), make("lab")
    id = next(document["key"] for document in kept(store) if document["name"] == "clinic")

    done = run("revoke", id)

    assert (done.exit_code, done.output) == (0, f"Revoked key {id}.\n")
    assert not is_good(store, text)
    assert is_good(store, other)
    revoked = next(document for document in kept(store) if document["key"] == id)["revoked_at"]
    assert revoked in next(line for line in run("list").output.splitlines() if id in line)


def test_a_key_that_is_not_valid_is_reported(store: str) -> None:
    text = make()
    id = kept(store)[0]["key"]
    run("revoke", id)

    for wrong in (id, "nobody's", text):
        done = run("revoke", wrong)
        assert done.exit_code != 0
        assert "there is no valid key" in done.output


@pytest.mark.parametrize("arguments", [("clinic",), ("clinic", "--scope", "all"), ("clinic", "--scope", "")])
def test_a_key_has_a_scope_that_there_is(store: str, arguments: tuple[str, ...]) -> None:
    done = run("create", *arguments)

    assert done.exit_code != 0
    assert "--scope" in done.output
    assert kept(store) == []


def test_wrong_settings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_URL", "redis://here")

    for command in (("create", "clinic", "--scope", "consultations"), ("list",), ("revoke", "x")):
        done = run(*command)
        assert done.exit_code == 1
        assert "STORE_URL" in done.output


def test_a_key_has_an_end_networks_topics_and_a_label(store: str) -> None:
    more = ("--days", "30", "--from", "10.1.0.0/16", "--topic", "clinic.*.*", "--label", "front desk")
    done = run("create", "clinic", "--scope", "events:publish", *more)

    assert done.exit_code == 0, done.output
    [document] = kept(store)
    assert (document["networks"], document["topics"], document["label"]) == (
        ["10.1.0.0/16"],
        ["clinic.*.*"],
        "front desk",
    )
    assert document["expires_at"] > document["created_at"]
    assert "front desk" in run("list").output


@pytest.mark.parametrize(
    ("option", "value"),
    [("--from", "10.1.0.1/16"), ("--from", "nowhere"), ("--topic", "clinic.*"), ("--topic", "a..b")],
)
def test_a_network_or_topic_that_is_none_is_refused(store: str, option: str, value: str) -> None:
    done = run("create", "clinic", "--scope", "events:publish", option, value)

    assert done.exit_code != 0
    assert option in done.output
    assert kept(store) == []


def test_a_rotated_key_is_shown_once_and_both_are_good(store: str) -> None:
    text = make()
    id = kept(store)[0]["key"]

    done = run("rotate", id, "--overlap-hours", "1")

    assert done.exit_code == 0
    new = done.stdout.removesuffix("\n")
    assert new.startswith("qtk_")
    assert "ends in 1 hours" in done.stderr
    assert is_good(store, text)
    assert is_good(store, new)
    assert "there is no valid key" in run("rotate", "nobody's").output


def test_without_overlap_the_old_key_ends_at_once(store: str) -> None:
    text = make()

    run("rotate", kept(store)[0]["key"], "--overlap-hours", "0")

    assert not is_good(store, text)
