"""The Compose files, loaded by the library of Docker Compose itself: a schema sees less than it does."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from devtools.stack import ROOT
from ops.secret_files import FILES

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
    assert services.keys() == {"secrets", "mongo", "rabbitmq", "migrate", "doctor", "api", "proxy", "worker"}
    assert services["worker"]["environment"]["OPERATOR_URL"] == "https://operator.example"
    assert services["worker"]["environment"]["METRICS_PORT"] == "9100"
    assert services["worker"]["depends_on"].keys() == {"mongo", "rabbitmq", "mock_api", "migrate", "doctor"}
    assert {service.get("container_name") for service in services.values()} == {None}  # `--scale` needs many names
    assert "ports" not in services["worker"]


def test_a_broken_setup_does_not_start_and_a_partner_that_is_away_stops_nothing() -> None:
    services = project(COMPOSE, COMPOSE_PROFILES="sandbox")["services"]
    doctor = services["doctor"]
    assert doctor["command"] == ["python", "-m", "ops", "doctor", "--no-partners"]
    assert doctor["restart"] == "no"
    assert "mock_api" not in doctor["depends_on"]
    for name in ("api", "worker"):
        service = services[name]
        assert service["depends_on"]["doctor"]["condition"] == "service_completed_successfully"
        # I expect it to see what they see, and never to end them
        assert {key: service["environment"][key] for key in doctor["environment"]} == doctor["environment"]
        assert _mounts(service) == _mounts(doctor)
        assert "doctor" not in service["healthcheck"]["test"]


def test_the_sandbox_is_there_for_a_trial_only() -> None:
    assert "mock_api" in project(COMPOSE, COMPOSE_PROFILES="sandbox")["services"]
    for service in ("api", "worker"):
        assert project(COMPOSE)["services"][service]["environment"]["ALLOW_SANDBOX"] == ""


def test_the_proxy_is_the_way_in_and_is_believed() -> None:
    services = project(COMPOSE, HTTPS_PORT="8444", TLS_KEY="/run/secrets/own.key")["services"]
    assert {(port["target"], port["published"]) for port in services["proxy"]["ports"]} == {
        (8080, "80"),
        (8443, "8444"),
    }
    assert services["api"]["environment"]["TRUSTED_PROXIES"] == "1"
    # Answers for slow readers are in a memory of their own: full, it fails one of them, and ends no process
    (kept,) = services["proxy"]["tmpfs"]
    size = re.search(r"size=(\d+)m", kept)
    assert size
    assert 2 * int(size[1]) * 1024**2 <= int(services["proxy"]["mem_limit"])
    assert services["proxy"]["environment"]["TLS_KEY"] == "/run/secrets/own.key"
    assert "store" not in services["proxy"]["networks"]


def test_settings_of_operators_come_from_the_file(tmp_path: Path) -> None:
    (tmp_path / COMPOSE).write_text((ROOT / COMPOSE).read_text())
    (tmp_path / ".env").write_text("OPERATORS=mtn-ci\nMTN_CI_KEY_FILE=/run/secrets/mtn_ci_key\nAPI_HOST=127.0.0.1\n")
    environment = project(tmp_path / COMPOSE)["services"]["worker"]["environment"]
    assert environment["OPERATORS"] == "mtn-ci"
    assert environment["MTN_CI_KEY_FILE"] == "/run/secrets/mtn_ci_key"
    assert environment["API_HOST"] == "0.0.0.0"


def test_every_secret_is_made_where_the_services_look_for_it(tmp_path: Path) -> None:
    for variables, source in [({}, "secrets"), ({"SECRETS_DIR": str(tmp_path)}, str(tmp_path))]:
        services = project(COMPOSE, **variables)["services"]
        mounted = {name: _mounts(service).get("/run/secrets") for name, service in services.items()}
        assert mounted == dict.fromkeys(services, source)
    used = set(re.findall(r"/run/secrets/(\w[\w.]*)", (ROOT / COMPOSE).read_text()))
    assert used == FILES.keys()


def test_prometheus_and_grafana_start_with_our_files_where_they_are_asked_for() -> None:
    services = project(COMPOSE, COMPOSE_PROFILES="observability")["services"]
    assert services.keys() - project(COMPOSE)["services"].keys() == {"prometheus", "grafana"}
    for name, files in {
        "prometheus": {"/etc/prometheus": ["prometheus.yml", "rules.yml", "alerts.yml"]},
        "grafana": {"/etc/grafana/provisioning": ["datasources/prometheus.yml", "dashboards/quittance.yml"]},
    }.items():
        for target, found in files.items():
            assert all((Path(_mounts(services[name])[target]) / file).is_file() for file in found)
    scraped = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    worker, api = services["worker"]["environment"], services["api"]["environment"]
    assert f"names: [worker], type: A, port: {worker['METRICS_PORT']}" in scraped
    assert f'targets: ["api:{api["API_PORT"]}"]' in scraped


def test_containers_may_do_little() -> None:
    services = project(COMPOSE, COMPOSE_PROFILES="sandbox,observability")["services"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert name == "secrets" or "cap_add" not in service, name
        assert service.get("user") != "root" or name == "secrets", name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only") or name in ("mongo", "rabbitmq"), name
        assert service.get("mem_limit") or name == "secrets", name
        inside = {port.get("host_ip") for port in service.get("ports", [])} <= {"127.0.0.1"}
        assert inside or name == "proxy", name
    assert {name for name, service in services.items() if "store" in service.get("networks", {})} == {
        "mongo", "migrate", "doctor", "api", "worker",
    }  # fmt: skip
    assert services["mongo"]["networks"].keys() == {"store"}
    assert "--keyFile" in services["mongo"]["command"]
    assert services["mongo"]["environment"]["MONGO_INITDB_ROOT_PASSWORD_FILE"] == "/run/secrets/mongo_password"
    assert services["secrets"]["cap_add"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER"]
    assert services["secrets"]["network_mode"] == "none"
    users = {name: services[name].get("user") for name in ("mongo", "rabbitmq", "proxy")}
    assert users == {"mongo": "999:999", "rabbitmq": "999:999", "proxy": "101:101"}  # else root at first
    for name, service in services.items():
        secrets = [each for each in service.get("volumes", []) if each["target"] == "/run/secrets"]
        assert all(each.get("read_only") for each in secrets) or name == "secrets", name


def _mounts(service: dict[str, Any]) -> dict[str, str]:
    return {volume["target"]: volume["source"] for volume in service.get("volumes", [])}


def test_compose_takes_the_replica_set_of_the_proof() -> None:
    services = project("proof/mongo-replica-set/compose.yml")["services"]
    assert {service["environment"]["PORT"] for service in services.values()} == {"27117", "27118", "27119"}


def test_the_rehearsal_replaces_only_what_cannot_be_had() -> None:
    ours, rehearsed = (project(*files, COMPOSE_PROFILES="sandbox") for files in ((COMPOSE,), (COMPOSE, OVERRIDE)))
    replaced = {
        "mongo": {"image", "build", "command", "user", "environment", "healthcheck"},
        "rabbitmq": {"image", "build"},
        "proxy": {"image", "build"},
    }
    for name, service in ours["services"].items():
        allowed = replaced.get(name, {"build", "environment"})
        other = rehearsed["services"][name]
        differing = {key for key in service | other if service.get(key) != other.get(key)}
        assert differing <= allowed, name
    assert ours["volumes"] == rehearsed["volumes"]


@pytest.mark.parametrize(
    ("written", "mistaken", "complaint"),
    [
        ("doctor: { condition: service_completed", "doctors: { condition: service_completed", "doctors"),
        ("networks: [store]", "networks: [stores]", "stores"),
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
