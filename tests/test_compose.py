"""The Compose files, loaded by the library of Docker Compose itself: a schema sees less than it does."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from devtools.rehearsal.pages import block
from devtools.stack import ROOT

COMPOSE = "docker-compose.yml"
OVERRIDE = "devtools/rehearsal/override.yml"
MODULE = ROOT / "devtools/compose"
LIBRARY = "github.com/compose-spec/compose-go/v2"
LOADED_S = 300

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("compose"), pytest.mark.timeout(600)]


@cache
def loader() -> list[str]:
    """The program, once Go has fetched and built it."""
    if not shutil.which("go"):
        pytest.skip("install Go: the library of Docker Compose is written in it")
    fetched = subprocess.run(["go", "mod", "download", LIBRARY], cwd=MODULE, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"Go cannot fetch the library of Docker Compose: {fetched.stderr[-500:]}")
    return ["go", "run", "-C", str(MODULE), "."]


def load(*files: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*loader(), *(str(ROOT / file) for file in files)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=LOADED_S)


def project(*files: str | Path, **environment: str) -> dict[str, Any]:
    done = load(*files, **environment)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_compose_takes_our_files_and_interpolates_them() -> None:
    services = project(COMPOSE, OPERATOR_URL="https://operator.example")["services"]
    assert services.keys() == {"mongo", "rabbitmq", "mock_api", "migrate", "api", "worker"}
    assert services["worker"]["environment"]["OPERATOR_URL"] == "https://operator.example"
    assert services["worker"]["environment"]["SMS_URL"] == "http://mock_api:8090/sms"
    assert services["worker"]["environment"]["METRICS_PORT"] == "9100"
    assert services["worker"]["depends_on"].keys() == {"mongo", "rabbitmq", "mock_api", "migrate"}
    assert {service.get("container_name") for service in services.values()} == {None}  # `--scale` needs many names
    assert "ports" not in services["worker"]


def test_compose_finds_every_secret_where_the_variable_points(tmp_path: Path) -> None:
    for secrets, environment in [(ROOT / "deploy/secrets", {}), (tmp_path, {"SECRETS_DIR": str(tmp_path)})]:
        files = [Path(secret["file"]) for secret in project(COMPOSE, **environment)["secrets"].values()]
        assert {file.parent for file in files} == {secrets}
        assert {file.name for file in files} == {path.name for path in (ROOT / "deploy/secrets").iterdir()}
    made = block("docs/how-to/deploy.md", "mkdir")
    assert all(f"> {file.name}\n" in made for file in files)


def test_compose_takes_the_replica_set_of_the_proof() -> None:
    services = project("proof/mongo-replica-set/compose.yml")["services"]
    assert {service["environment"]["PORT"] for service in services.values()} == {"27117", "27118", "27119"}


def test_the_rehearsal_replaces_only_what_cannot_be_had() -> None:
    ours, rehearsed = project(COMPOSE), project(COMPOSE, OVERRIDE)
    replaced = {"mongo": {"image", "build", "command", "healthcheck"}, "rabbitmq": {"image", "build"}}
    for name, service in ours["services"].items():
        allowed = replaced.get(name, {"build", "environment"})
        other = rehearsed["services"][name]
        differing = {key for key in service | other if service.get(key) != other.get(key)}
        assert differing <= allowed, name
    assert ours["secrets"] == rehearsed["secrets"]
    assert ours["volumes"] == rehearsed["volumes"]


@pytest.mark.parametrize(
    ("written", "mistaken", "complaint"),
    [
        ("migrate: { condition: service_completed", "migrated: { condition: service_completed", "migrated"),
        ("secrets: [broker_url,", "secrets: [broker_uri,", "broker_uri"),
        ("${SMS_URL:-", "${SMS_URL:_", "SMS_URL"),
    ],
)
def test_compose_refuses_what_a_schema_allows(written: str, mistaken: str, complaint: str, tmp_path: Path) -> None:
    text = (ROOT / COMPOSE).read_text()
    assert written in text
    (tmp_path / COMPOSE).write_text(text.replace(written, mistaken))
    refused = load(tmp_path / COMPOSE)
    assert refused.returncode == 1
    assert complaint in refused.stderr
