"""The house keeps its own rules: who imports whom, how large a room is, and that what is written down is true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from api.errors import CODES, STATUS
from core.operation import Status
from core.settings import read_settings
from ops.__main__ import commands as ops_commands
from ops.stack import ROOT, commands

CODE = [path for room in ("api", "core", "worker", "mock_api", "ops", "bench") for path in (ROOT / room).rglob("*.py")]
MODULE_LINES, FUNCTION_LINES = 400, 70


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_imports_run_one_way() -> None:
    linted = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, node.name


def test_the_core_and_the_engine_know_no_product() -> None:
    for path in [*(ROOT / "core").rglob("*.py"), ROOT / "worker/engine.py", ROOT / "worker/decide.py"]:
        tree = ast.parse(path.read_text())
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings may give examples
        words = [
            word
            for node in ast.walk(tree)
            for word in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "value", ""))
            if isinstance(word, str) and id(node) not in told
        ]
        assert not [word for word in words if re.search(r"(?<!de)(?<!con)fine|amende", word, re.IGNORECASE)], path


def test_the_containers_run_what_the_procfile_says() -> None:
    services = YAML(typ="safe").load(text("docker-compose.yml"))["services"]
    for name, command in commands().items():
        assert services[name]["command"] == command
        assert services[name]["image"] == "quittance"


def test_the_readmes_commands_are_there() -> None:
    targets = re.findall(r"^make (\w+)", text("README.md"), re.MULTILINE)
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets
    assert all(f"make {target} " in printed for target in targets)


def test_the_readmes_files_are_there() -> None:
    for name in ["README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(name)):
            assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_every_setting_and_every_state_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = text("docs/architecture.md")
    for setting in read_settings().__dataclass_fields__:
        assert f"`{setting.upper()}`" in architecture
    for status in Status:
        assert f"| `{status}` |" in architecture


def test_every_error_code_is_documented() -> None:
    errors = text("docs/errors.md")
    in_code = set(re.findall(r'Problem\(\s*\d+,\s*"(\w+)"', "".join(path.read_text() for path in CODE)))
    for code in {*in_code, *CODES.values(), *(error.code for error in STATUS)}:
        assert f"`{code}`" in errors


def test_every_reason_is_documented() -> None:
    errors = text("docs/errors.md")
    sources = "".join(path.read_text() for path in (ROOT / "worker").rglob("*.py"))
    reasons = set(re.findall(r'(?:Declined\(|code=)"(\w+)"', sources))
    assert len(reasons) > 5
    for reason in reasons:
        assert f"`{reason}`" in errors


def test_every_promise_names_a_test_that_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", text("docs/guarantees.md")))
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 8
    for name in named:
        assert f"def {name}(" in tests, name


def test_every_command_is_told_and_helps() -> None:
    for name, command in ops_commands.commands.items():
        assert command.help
        assert f"ops {name}" in text("docs/operations.md") or f"make {name}" in text("README.md")


@pytest.mark.xdist_group("house")
def test_tests_that_share_a_server_run_in_one_process(request: pytest.FixtureRequest) -> None:
    grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@house") == grouped
