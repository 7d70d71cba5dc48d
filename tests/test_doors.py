"""What a newcomer meets first is true: the locks hold what was asked for, and the guides name what exists."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devtools.stack import ROOT

GUIDES = ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")
LOCKS = ("requirements", "requirements-dev")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def pinned(path: Path) -> dict[str, str]:
    """The packages that a requirements file pins: normalized name (PEP 503) to version."""
    found = [PIN.match(line) for line in path.read_text().splitlines()]
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


@pytest.mark.parametrize("name", LOCKS)
def test_every_direct_dependency_is_locked(name: str) -> None:
    asked, locked = pinned(ROOT / f"{name}.in"), pinned(ROOT / f"{name}.txt")
    assert asked
    assert {package: locked.get(package) for package in asked} == asked, "run `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_every_direct_dependency_has_an_exact_version(name: str) -> None:
    lines = (ROOT / f"{name}.in").read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert asked == [line for line in asked if PIN.match(line)]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.splitlines()[0]


def test_development_runs_on_what_the_services_run_on() -> None:
    services, development = (pinned(ROOT / f"{name}.txt") for name in LOCKS)
    assert {package: development.get(package) for package in services} == services


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_name_no_registry_and_no_folder(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"--(?:extra-)?index-url|--find-links|--trusted-host|(?:^|\s)/\w", text, re.MULTILINE)


def test_the_guides_commands_are_there() -> None:
    targets = re.findall(r"(?:^|`)make (\w+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(targets) > 5
    assert [target for target in targets if f"make {target} " not in printed] == []


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_files_are_there(name: str) -> None:
    text = (ROOT / name).read_text()
    named = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r"`((?:tests|docs|deploy)/[\w./]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]


def test_the_workflow_sets_the_servers_that_the_tests_read() -> None:
    read = {name for path in (ROOT / "devtools/stores.py", ROOT / "devtools/rabbit.py") for name in urls(path)}
    assert read == urls(ROOT / ".github/workflows/ci.yml")


def test_the_workflow_tests_every_python_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    workflow = YAML(typ="safe").load((ROOT / ".github/workflows/ci.yml").read_text())
    versions = workflow["jobs"]["check"]["strategy"]["matrix"]["python"]
    assert f">={versions[0]}" == project["requires-python"]
    assert [f"Programming Language :: Python :: {version}" for version in versions] == [
        classifier for classifier in project["classifiers"] if "Python ::" in classifier
    ]


def urls(path: Path) -> set[str]:
    """The variables named in this file that hold the address of a server to test on."""
    return set(re.findall(r"\b[A-Z]+_TEST_URL\b", path.read_text()))
